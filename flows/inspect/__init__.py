"""Read-only answers: how things stand, what is in the warehouse, what a command would do."""
