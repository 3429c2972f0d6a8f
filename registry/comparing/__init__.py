"""Things beside each other: the parameters that differ, the metrics with the best one marked, and
what a metric is worth over several seeds. Runs and versions are compared by the same code."""
