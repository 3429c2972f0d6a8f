"""Every figure we quote, each beside a peer measured in the same run.

`python -m benchmarks.<name>` with the packages of requirements-bench.txt; docs/manual/benchmarks.md
says what each one measures and what it does not.
"""
