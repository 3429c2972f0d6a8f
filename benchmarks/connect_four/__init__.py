"""Connect Four beside its peers: engine, search, solver."""
