"""What would stop the platform is said in one sentence, before anything is started."""

from __future__ import annotations

import os
import socket
import stat
import traceback
from pathlib import Path

import pytest

from hamletweb.embedded.process import free_port
from hamletweb.supervisor.checks import check_plan, hold_data_directory
from hamletweb.supervisor.errors import CannotStartError
from hamletweb.supervisor.plan import Plan, read_plan
from hamletweb.supervisor.up_file import write_up_file


def plan_for(data_dir: Path, **changes: object) -> Plan:
    told = {
        "data_dir": data_dir,
        "host": "127.0.0.1",
        "port": free_port(None),
        "database_url": None,
        "redis_url": None,
    }
    return Plan(**(told | changes))


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1", "80.0", "８０００"])
def test_port_that_is_none_is_named(port: str) -> None:
    with pytest.raises(CannotStartError, match=r"HAMLET_PORT is .*expected a number from 1 to"):
        read_plan({"HAMLET_PORT": port})


def test_plan_without_a_word_is_private_and_embedded() -> None:
    plan = read_plan({})
    assert (plan.host, plan.port) == ("127.0.0.1", 8000)
    assert (plan.database_url, plan.redis_url) == (None, None)
    assert not plan.open_to_others


def test_plan_open_to_others_still_names_an_address_of_this_machine() -> None:
    plan = read_plan({"HAMLET_HOST": "0.0.0.0", "HAMLET_PORT": "8001"})
    assert plan.open_to_others
    assert plan.url == "http://127.0.0.1:8001"
    assert read_plan({"HAMLET_HOST": "::1"}).url == "http://[::1]:8000"


def test_taken_port_is_said_with_another_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotStartError, match=rf"Port {port} .* is taken.*HAMLET_PORT="):
            check_plan(plan_for(tmp_path, port=port))


def test_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match="192.0.2.1"):
        check_plan(plan_for(tmp_path, host="192.0.2.1"))
    with pytest.raises(CannotStartError, match="no address of this machine"):
        check_plan(plan_for(tmp_path, host="no.such.host.invalid"))


def test_second_start_on_the_same_directory_names_the_first(tmp_path: Path) -> None:
    write_up_file(tmp_path, {"url": "http://127.0.0.1:8111"})
    with (
        hold_data_directory(plan_for(tmp_path)),
        pytest.raises(
            CannotStartError, match=rf"process {os.getpid()}.*Open http://127.0.0.1:8111"
        ),
    ):
        hold_data_directory(plan_for(tmp_path))
    hold_data_directory(plan_for(tmp_path)).close()


def test_new_data_directory_is_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "with spaces"
    hold_data_directory(plan_for(path)).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(CannotStartError, match="cannot be written .*HAMLET_DATA_DIR"):
        hold_data_directory(plan_for(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_read_only_data_directory_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CannotStartError, match="cannot be written .*HAMLET_DATA_DIR"):
            hold_data_directory(plan_for(tmp_path))
    finally:
        tmp_path.chmod(0o700)


def test_data_directory_on_a_read_only_file_system_is_refused() -> None:
    # /proc takes no files of anybody, not even of root.
    with pytest.raises(CannotStartError, match="cannot be written .*HAMLET_DATA_DIR"):
        hold_data_directory(plan_for(Path("/proc/hamlet")))


def test_data_directory_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(CannotStartError, match="chmod o-w"):
        hold_data_directory(plan_for(tmp_path))


def test_database_that_does_not_answer_is_said_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://someone:topsecret@127.0.0.1:{free_port(None)}/name"
    with pytest.raises(CannotStartError, match="DATABASE_URL names cannot be reached") as found:
        check_plan(plan_for(tmp_path, database_url=url))
    assert "topsecret" not in str(found.value)
    with pytest.raises(CannotStartError, match="must look like postgresql://"):
        check_plan(plan_for(tmp_path, database_url="sqlite:///db"))


def test_broker_that_does_not_answer_is_said_without_its_password(tmp_path: Path) -> None:
    for url in (f"redis://:topsecret@127.0.0.1:{free_port(None)}/0", "http://:topsecret@x"):
        with pytest.raises(CannotStartError, match="REDIS_URL names cannot be reached") as found:
            check_plan(plan_for(tmp_path, redis_url=url))
        assert "topsecret" not in str(found.value)


@pytest.mark.parametrize("password", ["%ssw0rd", "@ssw0rd", "/ssw0rd", "?ssw0rd", "#ssw0rd"])
def test_url_that_cannot_be_read_is_said_without_its_password(
    tmp_path: Path, password: str
) -> None:
    url = f"postgresql://bob:pa{password}@127.0.0.1:1/name"
    with pytest.raises(CannotStartError, match="DATABASE_URL cannot be read; percent") as found:
        check_plan(plan_for(tmp_path, database_url=url))
    assert "ssw0rd" not in "".join(traceback.format_exception(found.value, chain=True))
    url = f"redis://:pa{password}@127.0.0.1:1/0"
    with pytest.raises(CannotStartError, match="REDIS_URL (cannot be read|names)") as found:
        check_plan(plan_for(tmp_path, redis_url=url))
    assert "ssw0rd" not in str(found.value)


def test_servers_of_others_are_used_when_they_answer(tmp_path: Path, redis_url: str) -> None:
    import django.conf

    url = django.conf.settings.DATABASE_URL
    check_plan(plan_for(tmp_path, database_url=url, redis_url=redis_url))
    assert list(tmp_path.iterdir()) == []
