"""Negative samplers, each with the exact count that it expects of every item; NumPy alone, no torch."""
