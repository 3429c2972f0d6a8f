"""A comparison as CSV, one row for each subject, safe to open in a spreadsheet.

A cell that begins like a formula would be calculated there, with whatever it asks for.
Source: OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from django.http import HttpResponse

from registry.comparing.differences import Comparison
from registry.comparing.subjects import spell

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: Any) -> Any:
    """Numbers as they are, to be calculated with; texts that begin like a formula behind a '."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = spell(value).replace("\x00", "")
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def csv_text(comparison: Comparison) -> str:
    """Parameters stand under `params.`, metrics under `metrics.`, as in a query."""
    facts = list(dict.fromkeys(name for s in comparison.subjects for name in s.facts))
    heads = ["key", "name", *facts]
    heads += [f"params.{parameter.name}" for parameter in comparison.parameters]
    heads += [f"metrics.{metric.name}" for metric in comparison.metrics]
    text = io.StringIO()
    write = csv.writer(text).writerow
    write([harmless(head) for head in heads])
    for place, subject in enumerate(comparison.subjects):
        cells = [subject.key, subject.name, *(subject.facts.get(name) for name in facts)]
        cells += [parameter.values[place] for parameter in comparison.parameters]
        cells += [metric.values[place] for metric in comparison.metrics]
        write([harmless(cell) for cell in cells])
    return text.getvalue()


def csv_response(comparison: Comparison, filename: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return HttpResponse(
        csv_text(comparison), content_type="text/csv; charset=utf-8", headers=headers
    )
