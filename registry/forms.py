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
        """Faults of the name stand beside it; those of the text have a list of their own."""
        named = [p for p in error.problems if p.path == "name" and "name" in self.fields]
        for problem in named:
            self.add_error("name", problem.message)
        if count := len(error.problems) - len(named):
            text = "1 fault" if count == 1 else f"{count} faults"
            self.add_error("yaml_text", f"{text}; the list says where and what is expected.")


class AliasForm(forms.Form):
    """Let an alias name a version."""

    alias = forms.CharField(max_length=50)
    version = forms.CharField(max_length=50)
    reason = forms.CharField(max_length=200, required=False)
