"""Readers of real data, all into one schema."""
