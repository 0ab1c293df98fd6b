"""What holds for all tests: no generated example is given a time, for the first one may have to compile a kernel."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
