"""Measured figures, each beside what a user would pick instead. ``python -m benchmarks --list`` names them all."""
