"""Lesson 5: what a loss makes of a score, and how a score becomes a chance that money may be multiplied with."""
