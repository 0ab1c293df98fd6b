"""Releases: everything trained together in one immutable, checksummed, signed folder; written, opened, activated."""
