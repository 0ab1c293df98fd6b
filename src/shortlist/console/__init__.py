"""Pages for the operator: the playground and the trace of a request."""
