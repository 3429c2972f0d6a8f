"""The page on which an instructor starts a run."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from hamlet.errors import SpecError
from hamlet.systems import SYSTEMS, System
from live.forms import RunForm, starting_values
from registry.errors import ConflictError
from registry.pages import page_for
from training import services
from training.errors import IdempotencyConflictError, OtherBrainError, SteeringRefusedError
from training.models import Run
from training.run_requests import read_request


@require_http_methods(["GET", "HEAD", "POST"])
@page_for("training.add_run")
def run_new(request: HttpRequest) -> HttpResponse:
    system = chosen_system(request)
    if request.method != "POST":
        return show(request, RunForm(request.user, system), system)
    form = RunForm(request.user, system, request.POST)
    if form.is_valid() and (run := ask(request, form)) is not None:
        return redirect("live:run", run_id=run.pk)
    return show(request, form, system, status=422)


def ask(request: HttpRequest, form: RunForm) -> Run | None:
    """Queue the run, or put what is wrong into the form."""
    try:
        asked, problems = form.request()
        if problems:
            form.add_problems(SpecError(problems))
            read_request(request.user, asked)  # names what else is wrong
            return None
        # The key was made with the page: pressing the button twice starts one run.
        return services.queue_run(request.user, asked, idempotency_key=form.cleaned_data["key"])
    except SpecError as error:
        form.add_problems(error)
    except SteeringRefusedError as error:
        raise PermissionDenied(str(error)) from error
    except (ConflictError, OtherBrainError) as error:
        form.add_error("overrides", str(error))
    except IdempotencyConflictError:
        form.add_error(
            None, "This page has started a run already. Press the button again to start another."
        )
        form.data = form.data.copy()
        form.data["key"] = starting_values(chosen_system(request))["key"]
    return None


def chosen_system(request: HttpRequest) -> System:
    asked = request.POST.get("system") or request.GET.get("system", "")
    return SYSTEMS.get(asked) or next(iter(SYSTEMS.values()))


def show(request: HttpRequest, form: RunForm, system: System, status: int = 200) -> HttpResponse:
    context = {"form": form, "system": system, "systems": SYSTEMS.values()}
    return render(request, "live/run_new.html", context, status=status)
