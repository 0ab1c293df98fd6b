"""One metric a file, over many ragged lists at once."""
