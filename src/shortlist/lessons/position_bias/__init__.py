"""Lesson 7: a log is the old ranker's; what its places and its choices hide, and how to see through them."""
