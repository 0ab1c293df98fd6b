"""Calibration: from a model's probabilities to ones that come true, a kind of map a file."""
