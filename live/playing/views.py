"""The page on which people play against models."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from live.playing.opponents import NAMED, PLAY, playable_versions
from registry.accounts.queries import classroom_ids
from registry.models import Classroom, ModelVersion, User
from registry.pages import page_for

MOVES = re.compile(r"[1-7]{0,42}")
MOST_CLASSES = 100
BAD_MOVES = (
    "The address held no moves that could be played: expected at most 42 digits, 1 to 7 for the "
    "columns. The page begins with an empty board."
)
RUNTIME = "vendor/onnxruntime-web/ort.wasm.bundle.min.mjs"


@require_safe
@page_for(PLAY)
def play(request: HttpRequest) -> HttpResponse:
    versions = playable_versions(request.user)
    moves, asked, problems = moves_in(request), request.GET.get("version", ""), []
    if moves is None:
        problems.append(BAD_MOVES)
    if asked and asked not in map(str, versions):
        problems.append(f"There is no version “{asked[:100]}” that you may play against here.")
        asked = ""
    context = {
        "named": NAMED,
        "versions": versions,
        "choices": {str(version): choice(version) for version in versions},
        "asked": asked,
        "moves": moves or "",
        "problem": " ".join(problems),
        "classes": class_names(request.user),
    }
    return render(request, "live/play.html", context)


def moves_in(request: HttpRequest) -> str | None:
    """The moves of the address; None if they cannot be any. Whether each can be played is for the
    page's script to see."""
    moves = request.GET.get("moves", "")
    return moves if MOVES.fullmatch(moves) else None


def class_names(user: User) -> list[str]:
    """The classes that a person's games may join, if the person agrees."""
    classes = Classroom.objects.filter(pk__in=classroom_ids(user)).order_by("name")
    return list(classes.values_list("name", flat=True)[:MOST_CLASSES])


def choice(version: ModelVersion) -> dict[str, Any]:
    """What the page's script needs to ask a version, here or on the server."""
    model, number = version.model.name, version.number
    url = None
    if version.onnx_sha256:
        url = reverse("registry:export-download", args=[model, number, "onnx"])
    elif version.format == ModelVersion.Format.ONNX:
        url = reverse("registry:version-download", args=[model, number])
    return {
        "model": model,
        "version": number,
        "url": url,
        "sha256": version.onnx_sha256 or version.artifact_id,
    }


@require_safe
@page_for(PLAY)
def worker(request: HttpRequest) -> HttpResponse:
    """The script in which networks run in the browser.

    Served by a view, since a worker has a content security policy of its own: this one alone may
    compile WebAssembly.
    """
    response = render(
        request,
        "live/play_worker.js",
        {"script": static("js/connect_four/worker.js"), "runtime": static(RUNTIME)},
        content_type="text/javascript",
    )
    response.runs_wasm = True
    return response
