"""The sheets of lesson 7: rankers trained on their own logs, and a promotion whose effect is known."""
