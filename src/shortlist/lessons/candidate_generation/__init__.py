"""Lesson 2: who finds the candidates, and what each source adds to the others."""
