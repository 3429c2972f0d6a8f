"""manage.py train with a level pack in a folder; nobody else reads folders."""

from __future__ import annotations

import json
import re
import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from hamlet.envs.town import load_pack
from hamlet.runspec import RunSpec
from hamlet.systems import SYSTEMS
from training.models import Run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pack that differs from the shipped L0 in each of its files."""
    pack = tmp_path / "my level"
    pack.mkdir()
    changes = {
        "level.yaml": (r"name: L0\b", "name: mine"),
        "brain.yaml": (r"capacity: \d+", "capacity: 500"),
        "training.yaml": (r"num_envs: \d+", "num_envs: 2"),
    }
    for name, text in load_pack("L0").texts.items():
        changed, count = re.subn(*changes[name], text)
        assert count == 1
        (pack / name).write_text(changed, encoding="utf-8")
    return pack


def train(*arguments: str) -> None:
    call_command("train", "town", *arguments, stdout=StringIO())


@pytest.mark.django_db
def test_the_run_carries_the_pack_and_needs_no_folder(admin, folder: Path) -> None:
    train("--level", str(folder), "--episodes", "3", "--set", "training.epsilon.decay=0.5")
    shutil.rmtree(folder)
    run = Run.objects.get()
    assert (run.level, run.total) == ("mine", 3)
    content = run.spec["content"]
    assert content["level"]["name"] == "mine"
    assert content["brain"]["replay"]["capacity"] == 500
    assert (content["training"]["num_envs"], content["training"]["epsilon"]["decay"]) == (2, 0.5)
    trainer = SYSTEMS["town"].make_trainer(RunSpec.from_data(run.spec))
    list(trainer.advance())
    assert trainer.env_steps == 2


@pytest.mark.django_db
def test_a_folder_beside_the_shell_needs_no_slash(admin, folder: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder.parent)
    train("--level", folder.name)
    assert Run.objects.get().level == "mine"


@pytest.mark.django_db
def test_a_shipped_name_is_never_taken_for_a_folder(admin, folder: Path, monkeypatch) -> None:
    folder.rename(folder.parent / "L1")
    monkeypatch.chdir(folder.parent)
    train("--level", "L1")
    assert Run.objects.get().level == "L1"
    train("--level", "./L1")
    assert Run.objects.filter(level="mine").count() == 1


@pytest.mark.django_db
def test_faults_of_the_files_are_named_and_nothing_starts(admin, folder: Path) -> None:
    (folder / "brain.yaml").write_text("colour: red\n", encoding="utf-8")
    with pytest.raises(CommandError, match=r"brain\.colour: unknown field"):
        train("--level", str(folder))
    (folder / "brain.yaml").unlink()
    with pytest.raises(CommandError, match=r"brain\.yaml: cannot be read"):
        train("--level", str(folder))
    (folder / "brain.yaml").symlink_to(folder / "level.yaml")
    with pytest.raises(CommandError, match=r"brain\.yaml: is a symbolic link"):
        train("--level", str(folder))
    with pytest.raises(CommandError, match="is no level pack to train with"):
        train("--level", str(folder / "nowhere"))
    with pytest.raises(CommandError, match="level: found .*expected one of L0"):
        train("--level", "x" * 5000)  # longer than any file system's names
    assert not Run.objects.exists()


@pytest.mark.django_db
def test_the_api_does_not_read_the_servers_folders(client, instructor, folder: Path) -> None:
    client.force_login(instructor)
    for level in (str(folder), f"{folder}/", "./", "../"):
        body = json.dumps({"system": "town", "level": level})
        answer = client.post("/api/v1/train", body, content_type="application/json")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/level"
    assert not Run.objects.exists()
