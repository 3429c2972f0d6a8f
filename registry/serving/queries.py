"""The log of predictions, as far as the asker may see it."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.http import Http404

from hamlet.errors import Problem, SpecError
from registry.accounts.models import User
from registry.accounts.queries import taught_classroom_ids
from registry.accounts.roles import is_admin, is_instructor
from registry.models import Prediction, RegisteredModel
from registry.moments import read_time
from registry.queries import NUMBER, find_version

PREDICTION_ORDER = ("-asked_at", "-id")
MOST_OF_REQUEST = 100


def visible_predictions(user: User | AnonymousUser) -> QuerySet[Prediction]:
    """One's own questions, those to models of classes one teaches; all of them for admins."""
    predictions = Prediction.objects.select_related("user", "token")
    if is_admin(user):
        return predictions
    if not user.is_authenticated:
        return predictions.none()
    seen = Q(user=user)
    if is_instructor(user):
        taught = RegisteredModel.objects.filter(classroom__in=taught_classroom_ids(user))
        seen |= Q(model__in=taught)
    return predictions.filter(seen)


def find_predictions(user: User, wanted: Mapping[str, str]) -> QuerySet[Prediction]:
    """Args: wanted: model, version (a number or alias of that model), since, until.

    Raises: SpecError; VersionNotFoundError.
    """
    found = visible_predictions(user)
    model, version = wanted.get("model"), wanted.get("version")
    if version and not model:
        message = "found it without model; a number says nothing without the model's name"
        raise SpecError([Problem("version", message)])
    if model:
        found = found.filter(model__in=RegisteredModel.objects.filter(name=model).values("pk"))
    if version and NUMBER.fullmatch(version):
        found = found.filter(version_number=version)
    elif version:
        found = found.filter(version=find_version(user, model, version))
    if since := wanted.get("since"):
        found = found.filter(asked_at__gte=read_time(since, "since"))
    if until := wanted.get("until"):
        found = found.filter(asked_at__lt=read_time(until, "until"))
    return found.defer("inputs", "outputs")


def predictions_of_request(user: User, request_id: str) -> list[Prediction]:
    """Raises: Http404 if there is none that the user may see."""
    found = visible_predictions(user).filter(request_id=request_id).order_by(*PREDICTION_ORDER)
    rows = list(found[:MOST_OF_REQUEST])
    if not rows:
        raise Http404
    return rows
