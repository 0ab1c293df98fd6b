"""From tables to a release."""
