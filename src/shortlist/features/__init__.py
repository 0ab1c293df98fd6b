"""What stages and training know about items and users: the catalogue, histories, feature specs."""
