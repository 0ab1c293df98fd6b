"""Makes the sheets of lesson 4: small trainings of the package's own rankers, on planted worlds and on a release's log."""
