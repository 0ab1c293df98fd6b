"""Lesson 1: why a cascade, and what it costs."""
