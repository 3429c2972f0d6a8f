"""Forms of the registry's pages."""

from __future__ import annotations

from django import forms

from hamlet.errors import SpecError
from registry.models import BrainSpec

FIRST_BRAIN = """\
# What the network looks like and how it learns. Every field left out has a default;
# after saving, the page shows the whole spec with all of them written out.
version: "1.0"
description: ""
architecture:
  type: dueling  # or feedforward, recurrent_spatial
  dueling:
    shared_layers: [256, 128]
"""


class BrainForm(forms.Form):
    """A brain.yaml and its name. The service judges it; `add_problems` shows what it says."""

    name = forms.CharField(
        max_length=100,
        help_text="Letters, digits, - and _. It stands in addresses and in `train --brain`.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    yaml_text = forms.CharField(
        label="brain.yaml",
        strip=False,
        max_length=256 * 1024,
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "wrap": "off"}),
    )

    def __init__(self, *args: object, brain: BrainSpec | None = None, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if brain is not None:
            del self.fields["name"]  # a name stands in addresses and runs; it stays

    def add_problems(self, error: SpecError) -> None:
        for problem in error.problems:
            field = "name" if problem.path == "name" and "name" in self.fields else "yaml_text"
            text = problem.message if field == "name" else str(problem)
            self.add_error(field, text)


class AliasForm(forms.Form):
    """Let an alias name a version."""

    alias = forms.CharField(max_length=50)
    version = forms.CharField(max_length=50)
