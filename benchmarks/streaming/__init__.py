"""What watching costs and how late it is: `python -m benchmarks.streaming`."""
