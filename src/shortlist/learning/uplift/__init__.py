"""Uplift: for whom does showing change what happens, learned from a log in which a coin decided who was shown."""
