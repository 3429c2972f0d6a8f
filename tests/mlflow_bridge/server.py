"""A real `mlflow server` on a free port, and a real client of it."""

from __future__ import annotations

import time
import urllib.request
from pathlib import Path
from typing import Any

from hamletweb.embedded.process import free_port
from tests.running.processes import PlatformProcess

START_TIMEOUT_S = 150.0


class MlflowServer:
    """SQLite and files in a folder of the test; nothing of it leaves the machine."""

    ENVIRONMENT = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }

    def __init__(self, folder: Path) -> None:
        port = free_port(None)
        self.url = f"http://127.0.0.1:{port}"
        self.artifacts = folder / "artifacts"
        command = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
        command += ["--artifacts-destination", str(self.artifacts)]
        self.process = PlatformProcess(command, folder / "mlflow.log", self.ENVIRONMENT)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self.process.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill_now()
                raise AssertionError(f"mlflow server did not start:\n{self.process.output()}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                return True
        except OSError:
            return False

    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.url, registry_uri=self.url)

    def log(self, name: str, folder: Path, **facts: Any) -> Any:
        """Register a folder that holds an MLflow model, as a person elsewhere would.

        Args: facts: `params`, `metrics`, `tags`, `description`.
        """
        client = self.client()
        run = client.create_run("0")
        for key, value in facts.get("params", {}).items():
            client.log_param(run.info.run_id, key, value)
        for key, value in facts.get("metrics", {}).items():
            client.log_metric(run.info.run_id, key, value)
        client.log_artifacts(run.info.run_id, str(folder), "model")
        client.set_terminated(run.info.run_id)
        if not client.search_registered_models(f"name='{name}'"):
            client.create_registered_model(name)
        return client.create_model_version(
            name,
            f"{run.info.artifact_uri}/model",
            run.info.run_id,
            tags=facts.get("tags", {}),
            description=facts.get("description", ""),
        )
