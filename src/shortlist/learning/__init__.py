"""What is learned from data: models, their losses and the loops that fit them."""
