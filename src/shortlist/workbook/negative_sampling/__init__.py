"""Makes the sheets of lesson 6: small trainings, sampled gradients, and what a batch costs."""
