"""Lesson 6: the full softmax is out of reach; what stands for it, and the bias that each stand-in brings."""
