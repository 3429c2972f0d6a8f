"""What agents learn with the shipped settings: `python -m benchmarks.learning`."""
