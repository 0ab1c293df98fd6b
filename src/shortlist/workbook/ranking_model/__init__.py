"""Makes the sheets of lesson 4: small trainings of the package's rankers, on planted worlds and on a log."""
