"""Lesson 4: what a ranker computes, from a weighted sum to masks; which interactions each model can hold, and at what price."""
