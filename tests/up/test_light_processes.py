"""Processes that look into no network start without torch, which takes over a second."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.running.processes import ROOT

START = """
import sys, django
django.setup()
from django.core.management import call_command
from django.urls import get_resolver
get_resolver().url_patterns
call_command("check")
from hamletweb.celery import app
app.loader.import_default_modules()
print("torch" in sys.modules)
"""


@pytest.mark.parametrize(("more", "expected"), [("", "False"), ("import hamletweb.asgi", "True")])
def test_only_the_web_process_loads_torch_at_its_start(more: str, expected: str):
    code = START.replace("print", f"{more}\nprint")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "hamletweb.settings"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.splitlines()[-1] == expected
