"""What the browser loads is ours, unchanged, and needs no inline code."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC, TEMPLATES = ROOT / "static", ROOT / "templates"


def vendored() -> list[tuple[str, str]]:
    """(path, sha256) of every row of the list of vendored files."""
    rows = (STATIC / "vendor" / "README.md").read_text()
    return re.findall(r"^\| ([\w./-]+) \|.*\| ([0-9a-f]{64}) \|$", rows, re.M)


def test_every_vendored_file_is_listed():
    listed = {path for path, _ in vendored()}
    there = {
        str(path.relative_to(STATIC / "vendor"))
        for path in (STATIC / "vendor").rglob("*")
        if path.is_file() and path.name not in ("README.md", "LICENSE")
    }
    assert there == listed


@pytest.mark.parametrize(("path", "digest"), vendored())
def test_vendored_file_is_unchanged_and_has_its_licence(path: str, digest: str):
    file = STATIC / "vendor" / path
    assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
    assert (file.parent / "LICENSE").exists()


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.js")), ids=lambda path: path.name)
def test_modules_import_files_that_exist(path: Path):
    for name in re.findall(r'^\s*(?:import|export)\b[^;]*?from "([^"]+)"', path.read_text(), re.M):
        assert (path.parent / name).is_file(), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", sorted(STATIC.glob("css/*.css")), ids=lambda path: path.name)
def test_styles_use_only_names_that_are_defined(path: Path):
    defined = set()
    for other in STATIC.glob("css/*.css"):
        defined |= set(re.findall(r"(--[\w-]+)\s*:", other.read_text()))
    used = set(re.findall(r"var\((--[\w-]+)", path.read_text()))
    assert used <= defined, used - defined


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_templates_hold_no_inline_code_and_load_nothing_from_elsewhere(path: Path):
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style\b|\sstyle=|\son\w+=|javascript:", text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)


@pytest.mark.parametrize("path", sorted(STATIC.rglob("js/**/*.js")), ids=lambda path: path.name)
def test_scripts_write_markup_only_where_the_server_rendered_it(path: Path):
    writes = re.findall(r"\.(?:innerHTML|outerHTML|insertAdjacentHTML)\b.*", path.read_text())
    allowed = [".innerHTML = message.html; // rendered by the server from its own template"]
    assert writes == (allowed if path.name == "run.js" else [])
