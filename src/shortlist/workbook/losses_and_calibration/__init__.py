"""Lesson 5's sheets."""
