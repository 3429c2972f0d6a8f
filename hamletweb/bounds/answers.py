"""Answers given before Django is asked: in the words of the API, one sentence elsewhere."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse

from registry.problems import API_PATHS, problem_response


def refusal(path: str, status: int, detail: str) -> HttpResponse:
    if path == "/v2" or path.startswith("/v2/"):
        # The Open Inference Protocol refuses in words of its own.
        response: HttpResponse = JsonResponse({"error": detail}, status=status)
    elif path.startswith(API_PATHS):
        response = problem_response(status, detail)
    else:
        response = HttpResponse(
            f"{detail}\n", status=status, content_type="text/plain; charset=utf-8"
        )
    response["Content-Length"] = str(len(response.content))
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    # What else the client sends on this connection may be the rest of what was refused.
    response["Connection"] = "close"
    return response


async def send_response(send: Any, response: HttpResponse) -> None:
    """Say it over ASGI."""
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": header_pairs(response),
        }
    )
    await send({"type": "http.response.body", "body": response.content})


def header_pairs(response: HttpResponse) -> list[tuple[bytes, bytes]]:
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in response.items()
    ]
