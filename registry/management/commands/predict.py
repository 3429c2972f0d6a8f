"""Ask a version for a prediction, here, without a server."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.exceptions import APIException

from hamlet.errors import SpecError
from registry.command_line import explain, find_person
from registry.errors import RegistryError
from registry.queries import NUMBER

TRY = 'as in {"inputs": {"observation": [[0.0, 0.5]]}}'


class Command(BaseCommand):
    help = (
        "Print what a version answers, as POST /api/v1/predict does. The input is its body without "
        f"the fields that choose the version, {TRY}, or the system's own form."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "name", metavar="MODEL[@ALIAS|/VERSION]", help="walker, walker@best or walker/1.0.0"
        )
        parser.add_argument(
            "--input", required=True, metavar="FILE", help="a JSON file; - reads standard input"
        )
        parser.add_argument("--session", help="keep a recurrent model's state under this key")
        parser.add_argument("--session-reset", action="store_true", help="begin that session anew")
        parser.add_argument("--user", help="who asks; without it, the first admin")

    def handle(self, *args: Any, **options: Any) -> None:
        from registry.serving.bodies import read_document
        from registry.serving.warming import split_name

        user = find_person(options["user"])
        model, asked = split_name(options["name"])
        try:
            body = read_document(read_input(options["input"]))
        except APIException as error:
            raise CommandError(f"{options['input']}: {error.detail} Expected one {TRY}.") from None
        if not isinstance(body, dict):
            raise CommandError(f"{options['input']}: found no mapping; expected one {TRY}.")
        body |= {"model": model, "version" if NUMBER.fullmatch(asked) else "alias": asked}
        if options["session"] is not None:
            body["session"] = options["session"]
        if options["session_reset"]:
            body["session_reset"] = True
        answer = ask(user, body, options["name"])
        self.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())


def ask(user: Any, body: dict[str, Any], name: str) -> dict[str, Any]:
    """Raises: CommandError."""
    from registry.serving.callers import Caller
    from registry.serving.calls import request_id_of
    from registry.serving.edge import note_refusal
    from registry.serving.log.writer import keep, prediction_log
    from registry.serving.prediction import Call, predict_one
    from registry.serving.replies import plain
    from registry.serving.runners import DirectRunner, finish_now

    call = Call(Caller(user, None), request_id_of(""), "predict", time.perf_counter())
    try:
        answer = plain(finish_now(predict_one(DirectRunner(), call, body)))
        keep(call.noted, 200)
        return answer
    except SpecError as error:
        note_refusal(call, error)
        raise explain(error, f"{name} was not asked:") from None
    except RegistryError as error:
        note_refusal(call, error)
        raise CommandError(str(error)) from None
    finally:
        prediction_log().flush()


def read_input(path: str) -> bytes:
    """Raises: CommandError."""
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CommandError(
            f"{path} cannot be read ({error.strerror}). Name a JSON file {TRY}, or - for "
            "standard input."
        ) from None
