"""Runs as `train` speaks of them: a job with a share of progress and one of five words."""
