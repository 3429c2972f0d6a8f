"""`POST /api/v1/brains/validate`: faults by path, else the spec and the network it makes."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from registry.problems import pointer_of
from tests.brains_pages.test_editor import HUGE
from tests.registry.checkpoints import DENSE

pytestmark = pytest.mark.django_db


def validate(client: Client, **body: object):
    return client.post(reverse("api-brain-validate"), body, content_type="application/json")


def test_without_a_level_no_network_is_measured(reader):
    answer = validate(reader, yaml=DENSE)
    assert answer.status_code == 200
    assert answer.json()["network"] is None
    assert answer.json()["data"]["replay"]["capacity"] == 10_000


def test_with_a_level_layers_parameters_and_memory_are_told(reader):
    network = validate(reader, yaml=DENSE, level="L1").json()["network"]
    assert (network["system"], network["level"], network["inputs"]) == ("town", "L1", 989)
    assert network["layers"][0] == {
        "name": "body.0",
        "type": "Linear",
        "output": [8],
        "parameters": 989 * 8 + 8,
    }
    assert network["parameters"] == sum(layer["parameters"] for layer in network["layers"])
    assert network["memory_bytes"]["weights"] == 4 * network["parameters"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"yaml": HUGE, "level": "L0"}, "architecture.feedforward"),
        ({"yaml": DENSE, "level": "L9"}, "level"),
        ({"yaml": DENSE, "system": "town"}, "level"),
        ({"yaml": DENSE, "system": "moon", "level": "L1"}, "system"),
        ({"yaml": DENSE, "level": 1}, "level"),
        ({"yaml": DENSE, "level": {"name": "L1"}}, "level"),
        ({"yaml": DENSE, "other": 1}, "other"),
        ({"yaml": "architecture: {type: dueling, layers: 3}"}, "architecture.layers"),
    ],
)
def test_faults_are_named_by_their_path(reader, body, path):
    answer = validate(reader, **body)
    assert answer.status_code == 422
    assert pointer_of(path) in [error["pointer"] for error in answer.json()["errors"]]
