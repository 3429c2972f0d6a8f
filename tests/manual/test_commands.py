"""What the manual prints can be typed: its commands have these names, arguments and queues."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.bin.celery import celery
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandError

from registry.hosts.queues import QUEUES

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "manual"
PAGES = sorted(MANUAL.glob("*.md"))
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")


def lines(text: str) -> Iterator[str]:
    """Of code: fenced, indented or within a sentence; a line that goes on is joined."""
    for block in FENCED.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    rest = FENCED.sub("", text)
    yield from INDENTED.findall(rest)
    yield from INLINE.findall(rest)


def printed(start: str) -> list[tuple[str, str]]:
    """(page, command line from there on), each once; after a pipe too."""
    found = {}
    for page in PAGES:
        for line in lines(page.read_text(encoding="utf-8")):
            for part in line.split(" | "):
                if part.strip().startswith(start):
                    found[page.name, part.strip().removeprefix(start).strip()] = None
    return list(found)


MANAGE = printed("manage.py ")
CELERY = printed("celery ")
MODULES = printed("python -m ")


def case(one: tuple[str, str]) -> str:
    return f"{one[0]}: {one[1][:60]}"


def command(name: str) -> BaseCommand:
    home = get_commands()[name]
    return home if isinstance(home, BaseCommand) else load_command_class(home, name)


@pytest.mark.parametrize("found", MANAGE, ids=case)
def test_management_commands_take_what_is_printed(found: tuple[str, str]) -> None:
    name, *arguments = shlex.split(found[1], comments=True)
    made = command(name)
    made._called_from_command_line = False  # faults are raised then, and not printed
    if arguments:  # a bare name stands in a sentence
        made.create_parser("manage.py", name).parse_args(arguments)


@pytest.mark.parametrize("found", CELERY, ids=case)
def test_workers_listen_to_queues_that_there_are(found: tuple[str, str]) -> None:
    arguments = shlex.split(found[1], comments=True)
    name = next(one for one in arguments if one in celery.commands)
    given = arguments[arguments.index(name) + 1 :]
    options = celery.commands[name].make_context(name, given, resilient_parsing=True).params
    queues = options.get("queues") or []
    assert set(queues) <= set(QUEUES), queues
    if name == "worker":
        assert queues


@pytest.mark.parametrize("found", MODULES, ids=case)
def test_servers_are_modules_that_serve_an_application(found: tuple[str, str]) -> None:
    module, *arguments = shlex.split(found[1], comments=True)
    assert importlib.util.find_spec(module) is not None
    for one in arguments:
        home, colon, name = one.partition(":")
        if colon and home.startswith("hamletweb."):
            assert importlib.util.find_spec(home) is not None
            source = Path(importlib.util.find_spec(home).origin).read_text(encoding="utf-8")
            assert re.search(rf"^(async def )?{name}\b", source, re.MULTILINE), one


def test_the_manual_prints_commands_of_every_kind() -> None:
    pages = {page for page, _ in MANAGE}
    assert {"serving.md", "jobs.md", "operations.md"} <= pages
    assert len(MANAGE) > 25
    assert len(CELERY) >= 7
    assert len(MODULES) >= 2


def test_a_wrong_argument_would_be_seen() -> None:
    with pytest.raises(CommandError, match="unrecognized arguments: onnx"):
        test_management_commands_take_what_is_printed(("x.md", "export walker/1.0.0 onnx"))
