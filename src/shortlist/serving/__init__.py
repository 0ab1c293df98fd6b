"""The HTTP API over the running engine: pages, events, items, campaigns, releases."""
