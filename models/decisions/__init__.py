"""From calibrated probabilities to genres: calibration, thresholds, decoding."""
