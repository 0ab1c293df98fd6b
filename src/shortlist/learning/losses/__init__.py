"""Losses to train rankers by: of rows (pointwise), pairs and lists, and of positives beside sampled negatives."""
