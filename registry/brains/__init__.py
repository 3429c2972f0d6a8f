"""Brain specs while they are written: what is wrong and where, what they make, how two differ."""
