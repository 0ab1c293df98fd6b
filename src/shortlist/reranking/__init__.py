"""The last step: which of the ranked candidates are shown, in which order, and with which chance."""
