"""A platform with something to ask: PostgreSQL, Valkey, models, a token, our servers."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from benchmarks.registry_scale.site import Site
from benchmarks.serving.networks import town_checkpoint, write_onnx
from benchmarks.serving.servers import Cores, Server
from hamletweb.embedded import postgres

TOWN, ALIAS = "benchmark-town", "live"
REQUESTS_PER_MINUTE = 60_000_000  # the limiter counts every request, and refuses none
ON_A_PORT = ("--host", "127.0.0.1", "--port", "{port}")
UVICORN = ("-m", "uvicorn", *ON_A_PORT)
OUR_UVICORN = ("-m", "hamletweb.bounded_uvicorn", *ON_A_PORT)
QUIET = ("--no-access-log", "--log-level", "warning")
SERVING = "hamletweb.asgi_serving:application"


class ServingSite(Site):
    """`Site` whose servers keep away from the core that is measured.

    Attributes:
        secret: of a token that may predict, read and manage.
    """

    def __init__(self, cores: Cores) -> None:
        super().__init__()
        self.cores = cores
        self.database = postgres.EmbeddedPostgres(self.folder)

    def __enter__(self) -> ServingSite:
        self._everywhere = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.cores.load})  # what is started from here inherits it
        try:
            super().__enter__()
            self._make_account()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        os.sched_setaffinity(0, self._everywhere)

    def _make_account(self) -> None:
        import secrets

        from registry.accounts.models import ApiToken, Role, Scope
        from registry.accounts.services import create_user, issue_token

        self.user = create_user("benchmark", secrets.token_urlsafe(20), Role.ADMIN)
        scopes = (Scope.PREDICT, Scope.READ, Scope.MANAGE)
        token, self.secret = issue_token(self.user, "benchmark", scopes)
        ApiToken.objects.filter(pk=token.pk).update(requests_per_minute=REQUESTS_PER_MINUTE)

    def register_town(self, level: str, seed: int) -> tuple[Any, Path]:
        """A version of the town's network; see `register`."""
        return self.register(TOWN, "town", town_checkpoint(level, seed))

    def register(self, name: str, system: str, checkpoint: bytes) -> tuple[Any, Path]:
        """A version served by ONNX Runtime; the alias is moved to it.

        Returns: the version, and the ONNX file that answers for it.
        """
        from registry.aliases.services import move_alias
        from registry.artifacts.store import open_artifact, store_file
        from registry.exports.models import ExportFormat
        from registry.exports.services import ensure_export
        from registry.services import ensure_model
        from registry.versions.services import register_version

        model = ensure_model(name, system, self.user, None)
        artifact = store_file(checkpoint, "application/vnd.safetensors")
        version = register_version(model=model, artifact=artifact, user=self.user)
        export = ensure_export(version, ExportFormat.ONNX, self.user)
        move_alias(model, ALIAS, version, self.user)
        path = self.folder / f"{name}-{version.number}.onnx"
        path.write_bytes(open_artifact(export.artifact))
        return version, path

    def register_upload(self, name: str, network: nn.Module) -> Path:
        """A network from elsewhere, as somebody uploads it. Returns: its file."""
        from registry.aliases.services import move_alias
        from registry.services import ensure_model
        from registry.versions.uploading import register_file

        path = Path(tempfile.mkdtemp(dir=self.folder)) / f"{name}.onnx"
        write_onnx(network, path)
        find: Callable[[], Any] = lambda: ensure_model(name, "town", self.user, None)  # noqa: E731
        version = register_file(find, path, self.user)
        move_alias(version.model, ALIAS, version, self.user)
        return path

    def serving_process(
        self, application: str = SERVING, *, name: str = "ours, uvicorn", **environment: str
    ) -> Server:
        """The prediction service alone, as one process."""
        command = (sys.executable, *OUR_UVICORN, *QUIET, application)
        log = self.log(name.replace(",", "").replace(" ", "-"))
        return Server(name, command, self.cores.server, log, "/healthz", environment)

    def web_process(self, core: int) -> Server:
        """The web process as `manage.py up` starts it, which answers predictions too."""
        command = (
            *(sys.executable, "-m", "hamletweb.bounded_daphne", "-b", "127.0.0.1"),
            *("-p", "{port}", "--http-timeout", "300", "hamletweb.asgi:application"),
        )
        return Server(
            "ours, in the web process (daphne)", command, core, self.log("web"), "/healthz"
        )

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"
