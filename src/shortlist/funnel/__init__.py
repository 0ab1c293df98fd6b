"""Retrieve, rank, re-rank: the runner and its two products, the feed and the search page."""
