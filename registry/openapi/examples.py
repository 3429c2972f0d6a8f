"""An example of every request and answer.

Those of requests and good answers stand in examples.json: recorded from a real server and
shortened. tests/openapi/test_examples.py sends them again, and says how to record them anew.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from hamlet.errors import Problem
from registry.problems import MEDIA_TYPE, problem_data

FILE = Path(__file__).with_name("examples.json")
JSON = "application/json"
FAULTS = (Problem("name", "found 7; expected text"),)


@cache
def recorded() -> dict[str, Any]:
    """By operation: `request`, `response` and its `status`; where there is one."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def add_examples(operation: dict[str, Any]) -> None:
    found = recorded().get(operation["operationId"], {})
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        if "examples" in content:  # the operation shows some of its own
            continue
        if "request" in found and media_type == found.get("media_type", JSON):
            content["example"] = found["request"]
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        if MEDIA_TYPE in content:
            words = response["description"]
            content[MEDIA_TYPE]["example"] = example_problem(int(status), words)
        elif "examples" in content.get(JSON, {}):
            continue
        elif JSON in content and status == found.get("status"):
            content[JSON]["example"] = found["response"]
        elif JSON in content and status >= "400":  # of the Open Inference Protocol
            content[JSON]["example"] = {"error": response["description"]}


def example_problem(status: int, words: str) -> dict[str, Any]:
    if status == 422:
        return problem_data(422, "1 fault; see errors.", FAULTS)
    return problem_data(status, words)
