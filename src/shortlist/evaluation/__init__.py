"""How good a ranking and a probability are: metrics, calibration error, and intervals that respect users."""
