"""Shortlist: recommender feeds and sponsored search as one engine."""

__version__ = "0.1.0"
