"""Lesson 3: distances, and indexes that look at few of the vectors."""
