"""How likely each place is to be examined, from logs: the propensities that debiased training divides by."""
