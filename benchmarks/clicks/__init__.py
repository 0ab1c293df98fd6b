"""What the benchmark ``ctr`` is made of: the split of the log, the peers, and how all are judged."""
