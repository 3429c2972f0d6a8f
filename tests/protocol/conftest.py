"""The servers and people of tests/serving, for the protocol."""

from tests.serving.conftest import (  # noqa: F401
    _serving_process,
    model,
    program,
    program_of,
    register,
    server,
    serving_server,
)
