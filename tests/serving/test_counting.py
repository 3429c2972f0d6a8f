"""/metrics tells what the prediction service of this process did."""

from __future__ import annotations

import re

from django.test import Client

from registry.serving.counting import COUNTS, serving_metrics


def test_metrics_hold_every_count():
    text = serving_metrics().decode()
    for name in ("runs", "rows", "joined", "refused_busy", "log_dropped", "local_permits"):
        assert re.search(rf"^hamlet_predict_{name}_total \d", text, re.MULTILINE), name
    assert "hamlet_predict_bytes_in_flight" in text


def test_an_admin_reads_them_at_metrics(admin):
    client = Client()
    client.force_login(admin)
    text = client.get("/metrics").content.decode()
    assert f"hamlet_predict_runs_total {float(COUNTS.runs)}" in text
