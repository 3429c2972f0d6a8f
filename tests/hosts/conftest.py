"""A version, a job and a worker to look at: those of the tests of jobs."""

from __future__ import annotations

from tests.jobs.conftest import (
    job,
    model,
    no_search_for_static_files,
    version,
    worker,
)

__all__ = ["job", "model", "no_search_for_static_files", "version", "worker"]
