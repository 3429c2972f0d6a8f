"""The form on which a run is asked for. training.services judges it; errors come back here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe, read_yaml
from hamlet.systems import SYSTEMS, System
from registry.accounts.queries import taught_classrooms
from registry.models import User
from registry.queries import visible_brains

OWN_BRAIN = ""
OVERRIDES_HELP = (
    "Settings that have no field above, as YAML: for example the number of parallel environments. "
    "Nothing is ignored: an unknown name is refused with its path."
)


class RunForm(forms.Form):
    """What a person may set. Field names are those of the request, so that faults find them."""

    system = forms.ChoiceField(widget=forms.HiddenInput)
    level = forms.ChoiceField(widget=forms.RadioSelect)
    name = forms.CharField(
        required=False, max_length=100, help_text="How lists call it. Empty: after its level."
    )
    classroom = forms.ChoiceField(
        required=False, label="Class", help_text="Its members may watch. Empty: only you."
    )
    brain = forms.ChoiceField(required=False, help_text="The network and how it learns.")
    # No bounds here: training knows them, and names every fault of the request at once.
    budget = forms.IntegerField(required=False)
    seed = forms.IntegerField(
        required=False,
        help_text="Same settings and seed: the same run, bit for bit. Empty: 0.",
    )
    overrides = forms.CharField(
        required=False,
        label="More settings",
        max_length=64 * 1024,
        help_text=OVERRIDES_HELP,
        widget=forms.Textarea(
            attrs={"rows": 6, "spellcheck": "false", "placeholder": "training:\n  num_envs: 32"}
        ),
    )
    key = forms.CharField(max_length=100, widget=forms.HiddenInput)

    def __init__(self, user: User, system: System, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=starting_values(system))
        self.unit = system.unit
        self.levels = system.levels()
        self.fields["system"].choices = [(name, name) for name in SYSTEMS]
        self.fields["level"].choices = [(level.name, level.title) for level in self.levels]
        self.fields["level"].required = bool(self.levels)  # some systems have none
        self.fields["budget"].label = f"{system.unit.capitalize()}s"
        self.fields["budget"].help_text = "How long it trains. Empty: as long as the level says."
        brains = visible_brains(user).order_by("name").values_list("name", flat=True)
        self.fields["brain"].choices = [
            (OWN_BRAIN, "the level's own brain"),
            *((name, name) for name in brains),
        ]
        classes = list(taught_classrooms(user).order_by("name").values_list("name", flat=True))
        self.fields["classroom"].choices = [("", "only me"), *((name, name) for name in classes)]
        if len(classes) == 1:
            self.initial["classroom"] = classes[0]
        for name in ("system", "level", "name", "classroom", "brain", "budget", "seed"):
            self.fields[name].widget.attrs["aria-describedby"] = f"id_{name}_notes"

    def request(self) -> tuple[dict[str, Any], list[Problem]]:
        """The request that training understands, and what is wrong with how it was written.

        Raises: SpecError if the further settings cannot be read at all.
        """
        values = self.cleaned_data
        asked = {
            "system": values["system"],
            "level": values["level"] or None,
            "name": values["name"] or None,
            "classroom": values["classroom"] or None,
            "brain": values["brain"] or None,
            f"{self.unit}s": values["budget"],
            "seed": values["seed"],
        }
        asked = {name: value for name, value in asked.items() if value is not None}
        more = read_overrides(values["overrides"])
        twice = [
            Problem(name, "stands in the form and under More settings; say it once")
            for name in more
            if name in asked
        ]
        return {**more, **asked}, twice

    def add_problems(self, error: SpecError) -> None:
        """Show each fault at the field that it is about, with its path where that says more."""
        for problem in error.problems:
            first = problem.path.partition(".")[0]
            field = "budget" if first == f"{self.unit}s" else first
            if field in self.fields and field == problem.path.replace(f"{self.unit}s", "budget"):
                self.add_error(field, problem.message)
            else:
                self.add_error(field if field == "brain" else "overrides", str(problem))


def starting_values(system: System) -> dict[str, Any]:
    levels = system.levels()
    return {
        "system": system.name,
        "level": levels[0].name if levels else "",
        "seed": 0,
        "key": f"page-{uuid.uuid4()}",
    }


def read_overrides(text: str) -> dict[str, Any]:
    """Raises: SpecError naming the fault."""
    if not text.strip():
        return {}
    data = read_yaml(text, name="overrides")
    if not isinstance(data, Mapping) or not all(isinstance(name, str) for name in data):
        message = f"found {describe(data)}; expected settings such as `training: {{num_envs: 32}}`"
        raise SpecError([Problem("overrides", message)])
    return dict(data)
