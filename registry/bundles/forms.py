"""The form of the page that takes bundles."""

from __future__ import annotations

from django import forms

from registry.accounts.models import Classroom, User
from registry.accounts.queries import taught_classrooms


class BundleForm(forms.Form):
    """A bundle, for whom, and another name where the one it has is taken."""

    bundle = forms.FileField(help_text="A .zip that this page or manage.py export_bundle wrote.")
    classroom = forms.ModelChoiceField(
        label="Class",
        queryset=Classroom.objects.none(),
        required=False,
        empty_label="none: for myself",
        help_text="Its members see the models that are made.",
    )
    rename = forms.CharField(
        required=False,
        max_length=2000,
        help_text="walker:stroller, for a model whose name is taken here; several with spaces.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, *args: object, user: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["classroom"].queryset = taught_classrooms(user)
