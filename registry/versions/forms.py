"""Forms of the pages of versions."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from hamlet.errors import SpecError
from hamlet.systems import SYSTEMS
from registry.accounts.models import User
from registry.accounts.queries import taught_classrooms
from registry.models import RegisteredModel
from registry.queries import changeable_models
from registry.services import model_to_fill
from registry.versions.numbering import PARTS

PART_CHOICES = [("", "what changed decides"), *((part, part) for part in PARTS)]


class ProblemForm(forms.Form):
    """A form whose service judges it; `add_problems` shows what the service says."""

    def add_problems(self, error: SpecError) -> None:
        for problem in error.problems:
            field = problem.path.partition(".")[0].partition("[")[0]
            known = field if field in self.fields else None
            self.add_error(known, problem.message if known == problem.path else str(problem))


class CardForm(ProblemForm):
    """Tags, one a line as `name: text`, and a description."""

    description = forms.CharField(
        required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3})
    )
    tags = forms.CharField(
        required=False,
        max_length=20_000,
        help_text="One a line, such as team: red",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    def clean_tags(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in self.cleaned_data["tags"].splitlines():
            name, colon, value = line.partition(":")
            if not line.strip():
                continue
            if not colon:
                raise forms.ValidationError(f"found {line[:60]!r}; expected name: text")
            if name.strip() in found:
                raise forms.ValidationError(f"the tag {name.strip()[:60]} stands here twice")
            found[name.strip()] = value.strip()
        return found

    @staticmethod
    def spell(tags: dict[str, str]) -> str:
        return "\n".join(f"{name}: {value}" for name, value in sorted(tags.items()))


class UploadForm(CardForm):
    """A file, the model it becomes a version of, and what is known of its making."""

    file = forms.FileField(
        allow_empty_file=True,
        help_text="An inference checkpoint or plain weights (.safetensors), or an ONNX file.",
    )
    model = forms.CharField(
        max_length=100,
        help_text="One of yours, or a new name.",
        widget=forms.TextInput(
            attrs={"list": "own-models", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    system = forms.ChoiceField(
        choices=[(system.name, system.title) for system in SYSTEMS.values()],
        help_text="Of a new model.",
    )
    classroom = forms.ModelChoiceField(
        None, required=False, empty_label="nobody else", label="Shown to", help_text="A new model."
    )
    parent = forms.CharField(
        required=False, max_length=50, help_text="Version whose weights the training began with."
    )
    dataset = forms.CharField(required=False, max_length=500)
    part = forms.ChoiceField(choices=PART_CHOICES, required=False, label="Number rises by")
    brain = forms.CharField(
        required=False,
        strip=False,
        label="brain.yaml, for plain weights",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )
    layout = forms.CharField(
        required=False,
        label="layout (JSON), for plain weights",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    field_order = ["file", "model", "system", "classroom", "description", "tags"]

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["classroom"].queryset = taught_classrooms(user)
        self.own_models = changeable_models(user).order_by("name")[:200]

    def find_model(self) -> RegisteredModel:
        """Raises: SpecError, NameTakenError for a new name that cannot be had."""
        data = self.cleaned_data
        classroom = data["classroom"]
        return model_to_fill(
            name=data["model"],
            system=data["system"],
            user=self.user,
            classroom=classroom.pk if classroom else None,
        )

    def details(self) -> dict[str, str]:
        """The fields that a multipart request would bring."""
        data = self.cleaned_data
        names = ("description", "parent", "dataset", "part", "brain", "layout")
        return {name: data[name] for name in names} | {"tags": json.dumps(data["tags"])}
