"""The words that every other room shares."""
