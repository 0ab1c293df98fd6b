"""The whole application on one port: API, console and lessons."""
