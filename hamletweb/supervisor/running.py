"""The order of things: check, start, prepare, watch, stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import Any

from hamletweb.embedded.account import Account
from hamletweb.embedded.errors import EmbeddedServerError
from hamletweb.embedded.files import make_private_directory
from hamletweb.embedded.process import dies_with_parent
from hamletweb.supervisor.checks import check_plan, hold_data_directory
from hamletweb.supervisor.children import Children, child_environment, last_lines
from hamletweb.supervisor.errors import CannotStartError
from hamletweb.supervisor.plan import ROOT, Plan
from hamletweb.supervisor.readiness import ask
from hamletweb.supervisor.screen import say, show_box
from hamletweb.supervisor.servers import Servers
from hamletweb.supervisor.up_file import read_up_file, write_up_file

READY_TIMEOUT_S = 180.0
CRASHES_BEFORE_READY = 3
WATCH_EVERY_S = 0.25
LOGS_EVERY_S = 20.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Ctrl-C, SIGTERM, or the terminal was closed."""


class Platform:
    """Everything that `up` runs. `run()` returns after a clean stop."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.servers = Servers(plan)
        self.environment = child_environment(plan, os.environ)
        self.children = Children(plan, self.environment)

    def run(self) -> None:
        """Raises: CannotStartError; everything that was started is stopped then."""
        os.umask(0o077)  # databases, models and logs are nobody else's business
        lock = hold_data_directory(self.plan)
        listen_for_stop()
        try:
            check_plan(self.plan)
            self.start()
            self.watch()
        except Stopped:
            pass
        finally:
            self.stop()
            lock.close()

    def start(self) -> None:
        say(f"starting HamletWeb; everything is kept in {self.plan.data_dir}")
        began = time.monotonic()
        try:
            make_private_directory(self.children.log_dir, Account(os.geteuid(), os.getegid()))
        except EmbeddedServerError as error:
            raise CannotStartError(str(error)) from error
        self.servers.start()
        before = read_up_file(self.plan.data_dir)
        steps = self.prepare(before)
        self.children.start()
        written = self.write_up_file(steps)
        self.wait_until_ready()
        say(f"ready after {time.monotonic() - began:.1f} s; Ctrl-C stops everything")
        show_box(self.welcome(steps, written))

    def prepare(self, before: dict[str, Any]) -> dict[str, Any]:
        """Bring the database up to date in a process of its own.

        Args: before: what up.json held.
        Raises: CannotStartError with the last words of that process.
        """
        known = {name: before.get(name) for name in ("api_key", "accounts", "class")}
        log = self.children.log_dir / "prepare.log"
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as errors:
            done = subprocess.run(  # noqa: S603 - our own command
                [sys.executable, str(ROOT / "manage.py"), "prepare"],
                cwd=ROOT,
                env=self.environment,
                input=json.dumps(known).encode(),
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGKILL),
                check=False,
            )
        if done.returncode != 0:
            why = " ".join(last_lines(log, 1)) or f"exit status {done.returncode}"
            why = why.removeprefix("CommandError: ").rstrip(".")
            raise CannotStartError(f"The database could not be prepared: {why}. See {log}.")
        steps = json.loads(done.stdout)
        say("the database is up to date")
        for note in steps["notes"]:
            say(note)
        return steps

    def write_up_file(self, steps: dict[str, Any]) -> dict[str, Any]:
        content = {
            "url": self.plan.url,
            "api_key": steps["api_key"],
            # Where a terminal was closed too soon, the first passwords are still here.
            "accounts": steps["accounts"] or steps["valid_accounts"],
            "class": steps["classroom"] or steps["valid_classroom"],
            "pid": os.getpid(),
            "ports": {"web": self.plan.port} | self.servers.ports,
            "data_dir": str(self.plan.data_dir),
        }
        write_up_file(self.plan.data_dir, content)
        return content

    def wait_until_ready(self) -> None:
        """Raises: CannotStartError if a process keeps crashing, or something stays away."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while True:
            self.children.look_after()
            for child in self.children.all:
                if child.crashes >= CRASHES_BEFORE_READY:
                    raise CannotStartError(
                        f"The {child.role.title} does not start: "
                        f"{' / '.join(last_lines(child.log))}. Its log: {child.log}"
                    )
            readiness = ask(self.plan)
            if readiness.complete:
                return
            if time.monotonic() > deadline:
                raise CannotStartError(
                    f"Not ready after {READY_TIMEOUT_S:.0f} s: {'; '.join(readiness.missing)}. "
                    f"The logs are in {self.children.log_dir}."
                )
            time.sleep(WATCH_EVERY_S)

    def welcome(self, steps: dict[str, Any], written: dict[str, Any]) -> list[str]:
        lines = [f"HamletWeb is at {self.plan.url}"]
        if steps["accounts"]:
            width = max(map(len, steps["accounts"]))
            lines += ["", "First accounts; the passwords are shown only now:"]
            lines += [f"  {name:<{width}}  {word}" for name, word in steps["accounts"].items()]
            lines += [
                f"Code of {steps['classroom']['name']!r} for students: "
                f"{steps['classroom']['join_code']}"
            ]
        lines += ["", f"Address and API key for programs: {self.plan.data_dir / 'up.json'}"]
        if self.plan.open_to_others:
            names = self.environment.get("HAMLET_ALLOWED_HOSTS") or "nothing but localhost"
            lines += [f"Open to other machines; answers to the host names: {names}"]
        return lines

    def watch(self) -> None:
        """Look after everything until somebody asks to stop."""
        logs_due = time.monotonic() + LOGS_EVERY_S
        while True:
            if self.servers.look_after():
                say("a server has another address now; starting the processes anew")
                self.children.restart()
                ports = {"web": self.plan.port} | self.servers.ports
                write_up_file(
                    self.plan.data_dir, read_up_file(self.plan.data_dir) | {"ports": ports}
                )
            self.children.look_after()
            if time.monotonic() >= logs_due:
                self.children.bound_logs()
                logs_due = time.monotonic() + LOGS_EVERY_S
            time.sleep(WATCH_EVERY_S)

    def stop(self) -> None:
        """Stop everything, in order. A second Ctrl-C ends the processes at once."""
        running = any(child.running for child in self.children.all)
        try:
            listen_for_stop()
            if running:
                say("stopping; running work is saved and goes on at the next start")
            self.children.stop()
        except Stopped:
            say("ending everything at once")
        finally:
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            self.children.kill()
            self.servers.stop()
        if running:
            say("stopped")


def listen_for_stop() -> None:
    """Turn the next stop signal into Stopped, once; later ones wait for `listen_for_stop`."""

    def raise_stopped(number: int, frame: FrameType | None) -> None:
        for other in STOP_SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        raise Stopped

    for number in STOP_SIGNALS:
        # Under nohup, the end of the terminal is none of our business.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, raise_stopped)
