"""Playing against models: whom one may choose, how they think, and the socket in between."""
