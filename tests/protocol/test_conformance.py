"""Both of our servers, or any other that the environment names, against the conformance suite."""

from __future__ import annotations

import os

import pytest

from tests.protocol.conformance import CASES, Subject
from tests.serving.asking import Program

ELSEWHERE = {name: os.environ.get(f"OIP_{name}") for name in ("URL", "MODEL", "TOKEN")}


if ELSEWHERE["URL"]:

    @pytest.mark.parametrize("check", CASES, ids=lambda check: check.__name__)
    def test_another_server(check):
        check(Subject(Program(ELSEWHERE["URL"], ELSEWHERE["TOKEN"]), ELSEWHERE["MODEL"]))


def test_our_servers_pass_every_case(register, program):
    register(onnx=True)
    register(seed=1)
    subject = Subject(program, "walker")
    failed = []
    for check in CASES:
        try:
            check(subject)
        except Exception as error:
            failed.append(f"{check.__name__}: {type(error).__name__} {str(error)[:500]}")
    assert not failed, "\n".join(failed)
