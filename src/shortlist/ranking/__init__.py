"""Scorers: what a candidate is worth to the one who asked, and how likely a click is."""
