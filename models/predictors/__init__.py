"""What turns feature rows into probabilities: single models, combined ones, fusion."""
