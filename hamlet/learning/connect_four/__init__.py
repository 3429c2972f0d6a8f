"""Six learners for Connect Four: from a request to a RunSpec, and from that to a trainer."""
