"""The form of a webhook. `keeping` judges it; the form shows what it says."""

from __future__ import annotations

from typing import Any

from django import forms

from hamlet.errors import SpecError
from registry.accounts.models import Classroom, User
from registry.accounts.queries import taught_classrooms
from registry.audit import actions
from registry.webhooks import keeping
from registry.webhooks.models import Webhook


class WebhookForm(forms.Form):
    """Where to, what of, and whose."""

    name = forms.CharField(max_length=100)
    url = forms.CharField(
        label="Address",
        max_length=500,
        help_text="https://..., reachable from outside. Redirects are not followed.",
        widget=forms.URLInput(attrs={"spellcheck": "false"}),
    )
    classroom = forms.ModelChoiceField(
        label="Of",
        queryset=Classroom.objects.none(),
        required=False,
        empty_label="my own models",
        help_text="A class: events of all its models.",
    )
    events = forms.MultipleChoiceField(
        choices=[(event, f"{event}: {actions.TITLES[event]}") for event in keeping.EVENTS],
        widget=forms.CheckboxSelectMultiple,
    )
    active = forms.BooleanField(required=False, initial=True)

    def __init__(self, *args: object, owner: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["classroom"].queryset = taught_classrooms(owner)

    @classmethod
    def of(cls, webhook: Webhook) -> WebhookForm:
        initial = {
            "name": webhook.name,
            "url": webhook.url,
            "classroom": webhook.classroom_id,
            "events": webhook.events,
            "active": webhook.active,
        }
        return cls(initial=initial, owner=webhook.owner)

    def data_for_service(self) -> dict[str, Any]:
        cleaned = dict(self.cleaned_data)
        classroom = cleaned["classroom"]
        return {**cleaned, "classroom": classroom.pk if classroom else None}

    def add_problems(self, error: SpecError) -> None:
        for problem in error.problems:
            field = problem.path.partition("[")[0]
            self.add_error(field if field in self.fields else None, problem.message)
