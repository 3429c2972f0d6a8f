"""The real servers and processes that tests run against; `tests/conftest.py` hands them out."""
