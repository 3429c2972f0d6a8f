"""What the environment says wrongly is refused at the start, by name, and not hours later."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import time

import pytest
from django.core.exceptions import ImproperlyConfigured

from hamletweb.environment import (
    kept_predictions,
    seconds,
    share,
    time_of_day,
    time_zone,
    whole_number,
)


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_log_that_would_make_errors_of_predictions_is_refused_at_the_start():
    found = check(HAMLET_PREDICTION_LOG="half")
    assert found.returncode != 0
    assert "HAMLET_PREDICTION_LOG: found 'half'; expected off, full or sampled" in found.stderr


def test_what_is_written_in_the_manual_is_taken():
    found = check(
        HAMLET_PREDICTION_LOG="sampled:0.1",
        HAMLET_PREDICTION_PAYLOADS="0.01",
        HAMLET_PREDICT_BODY_SECONDS="0.5",
        HAMLET_TOKEN_REQUESTS_PER_MINUTE="0",
        HAMLET_PREDICTION_DAYS="0",
    )
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0", "HAMLET_X: found 0; expected 1 or more."),
        ("-3", "HAMLET_X: found -3; expected 1 or more."),
        ("many", "HAMLET_X: found 'many'; expected a whole number."),
        ("1.5", "HAMLET_X: found '1.5'; expected a whole number."),
    ],
)
def test_whole_numbers(monkeypatch, text, said):
    monkeypatch.setenv("HAMLET_X", text)
    with pytest.raises(ImproperlyConfigured) as refused:
        whole_number("HAMLET_X", 7, least=1)
    assert str(refused.value) == said


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon", "45"])
def test_a_heart_that_beats_later_than_its_lease_lapses_is_refused(monkeypatch, text):
    monkeypatch.setenv("HAMLET_X", text)
    with pytest.raises(ImproperlyConfigured, match="^HAMLET_X: found .*seconds"):
        seconds("HAMLET_X", 3.0, below=45)


@pytest.mark.parametrize("text", ["2", "-0.1", "nan", "10%"])
def test_shares_are_from_0_to_1(monkeypatch, text):
    monkeypatch.setenv("HAMLET_X", text)
    with pytest.raises(ImproperlyConfigured, match="^HAMLET_X: found .*a share from 0 to 1"):
        share("HAMLET_X", 0.0)


def test_what_fits_is_read_and_what_is_not_there_has_its_default(monkeypatch):
    assert (whole_number("HAMLET_X", 7), seconds("HAMLET_X", 3.0)) == (7, 3.0)
    assert (share("HAMLET_X", 0.5), kept_predictions("HAMLET_X", "full")) == (0.5, "full")
    monkeypatch.setenv("HAMLET_X", "")  # as a list of variables without values leaves it
    assert whole_number("HAMLET_X", 7) == 7
    monkeypatch.setenv("HAMLET_X", "1")
    assert (whole_number("HAMLET_X", 7, least=1), seconds("HAMLET_X", 3.0)) == (1, 1.0)
    assert share("HAMLET_X", 0.5) == 1.0


def test_times_of_day_and_their_zones(monkeypatch):
    monkeypatch.setenv("HAMLET_X", "04:15")
    assert time_of_day("HAMLET_X", "02:00") == time(4, 15)
    monkeypatch.setenv("HAMLET_X", "Europe/Berlin")
    assert time_zone("HAMLET_X", "UTC").key == "Europe/Berlin"


@pytest.mark.parametrize("text", ["soon", "25:00", "02:00+01:00"])
def test_what_is_no_time_of_day_is_refused(monkeypatch, text):
    monkeypatch.setenv("HAMLET_X", text)
    with pytest.raises(ImproperlyConfigured, match=r"HAMLET_X: found .*as in 02:00"):
        time_of_day("HAMLET_X", "02:00")


@pytest.mark.parametrize("text", ["Mars", "/etc/passwd", "../UTC"])
def test_what_is_no_time_zone_is_refused(monkeypatch, text):
    monkeypatch.setenv("HAMLET_X", text)
    with pytest.raises(ImproperlyConfigured, match=r"HAMLET_X: found .*Europe/Berlin"):
        time_zone("HAMLET_X", "UTC")
