"""The rehearsal: offline estimates, written down first, against what then happens in simulated experiments."""
