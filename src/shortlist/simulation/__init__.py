"""The market with known truth. What leaves it is a log and campaigns, as anybody could have recorded them."""
