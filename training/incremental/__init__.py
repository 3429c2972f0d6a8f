"""Examples that wait until there are enough of them to go on learning from a version."""
