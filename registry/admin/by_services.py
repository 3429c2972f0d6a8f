"""Tables that change through services alone: what a service refuses is said on the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from hamlet.errors import HamletError, SpecError
from registry.errors import RegistryError

REFUSALS = (RegistryError, HamletError)


class ByServicesAdmin(admin.ModelAdmin):
    """A page that a service refused is shown again with its words, and nothing is half done.

    Forms ask the services beforehand where they can; this is for what changed in between.
    """

    show_full_result_count = False  # counting a large table takes longer than showing a page

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_say(request, super().changelist_view, *args, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_say(request, super().changeform_view, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_say(request, super().delete_view, *args, **kwargs)

    def response_action(self, request: HttpRequest, queryset: Any) -> Any:
        """A deletion is whole or not at all: one that is refused leaves no note that it was done.

        Other actions do each row by itself, in a transaction of its own.
        """
        if request.POST.get("action") != "delete_selected":
            return super().response_action(request, queryset)
        with transaction.atomic():
            # Before the first entry of the audit log, and in one order: see `record`.
            self.lock(queryset.filter(pk__in=request.POST.getlist(ACTION_CHECKBOX_NAME)))
            return super().response_action(request, queryset)

    def lock(self, chosen: QuerySet) -> None:
        """Hold the rows that a deletion of many will change until it has ended."""
        list(chosen.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk"))

    def _or_say(
        self, request: HttpRequest, view: Callable[..., HttpResponse], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except REFUSALS as error:
            say(request, error)
            return HttpResponseRedirect(request.get_full_path())


def say(request: HttpRequest, error: Exception) -> None:
    for text in words_of(error):
        messages.error(request, text)


def words_of(error: Exception) -> list[str]:
    """What is wrong, each fault by itself."""
    if isinstance(error, SpecError):
        return [str(problem) for problem in error.problems]
    return [str(error)]


def do_for_each(
    request: HttpRequest, items: Iterable[Any], do: Callable[[Any], Any], done: str
) -> None:
    """Each by itself: one refusal stops nobody else, and says why.

    Args: done: what to call it, before the number of those that it was done to.
    """
    count = 0
    for item in items:
        try:
            with transaction.atomic():
                do(item)
        except REFUSALS as error:
            say(request, error)
        else:
            count += 1
    if count:
        messages.success(request, f"{done}: {count}.")
