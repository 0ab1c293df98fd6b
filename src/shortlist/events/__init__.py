"""The log: what was served and with which chance, what was shown, clicked and bought, and when each became known."""
