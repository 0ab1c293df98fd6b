"""Lesson 4: which interactions a ranker can hold, from a weighted sum to masks, and at what price."""
