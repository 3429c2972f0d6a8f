"""Zip files that lie: each is refused with a reason, and nothing of it is kept."""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.artifacts.disk import root, stored_files
from registry.bundles import archive
from registry.bundles.errors import BundleError
from registry.bundles.services import export_bundle, import_bundle
from registry.models import Artifact, AuditEntry, ModelVersion, RegisteredModel
from tests.bundles.forging import entries_of, pack, patched, plain, with_entry, with_manifest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


@pytest.fixture
def honest(register, model, wipe, tmp_path: Path) -> Path:
    """A bundle of one version, from a server that is no more."""
    register()
    path = tmp_path / "honest.zip"
    export_bundle([model], path)
    wipe()
    return path


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    """`refused(path)`: import it, see that nothing came of it. Returns: the reason."""

    def check(path: Path, error: type[Exception] = BundleError) -> str:
        with pytest.raises(error) as caught:
            import_bundle(path)
        assert not RegisteredModel.objects.exists()
        assert not ModelVersion.objects.exists()
        assert not Artifact.objects.exists()
        assert not AuditEntry.objects.filter(action="bundle.imported").exists()
        assert not list(stored_files())
        assert not list((root() / "tmp").glob("*"))
        return str(caught.value)

    return check


def digest_of(path: Path) -> str:
    return entries_of(path)[1][0].removeprefix("files/")


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "files/../../x",
        "files\\..\\x",
        "C:\\x",
        "files/%2e%2e%2fx",
        "file:///etc/passwd",
        "files/" + "a" * 4096,
        "files/" + "A" * 64,
        "files/" + "a" * 64 + ".",
        "files/" + "a" * 64 + " ",
        "files/" + "a" * 63 + "\uff0e",
        "Manifest.json",
        "files/" + "a" * 64 + "/",
        "files/CON",
    ],
)
def test_no_other_name_is_taken(honest, refused, tmp_path, name):
    reason = refused(with_entry(honest, tmp_path / "bad.zip", name, b"x"))
    assert "alone" in reason


def test_name_that_hides_behind_nul_is_not_taken(honest, refused, tmp_path):
    entry = plain("files/" + "a" * 64)
    path = with_entry(honest, tmp_path / "bad.zip", entry, b"x")
    hidden = "files/" + "a" * 60 + "\x00../"
    path = patched(path, tmp_path / "nul.zip", b"files/" + b"a" * 64, 0, hidden.encode())
    assert "alone" in refused(path)


def test_links_and_devices_are_not_taken(honest, refused, tmp_path):
    for kind in (stat.S_IFLNK, stat.S_IFDIR, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK):
        entry = plain("files/" + "a" * 64)
        entry.external_attr = (kind | 0o777) << 16
        reason = refused(with_entry(honest, tmp_path / f"{kind}.zip", entry, b"/etc/passwd"))
        assert "expected a plain file" in reason


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_name_stands_twice(honest, refused, tmp_path):
    entries = entries_of(honest)
    assert "twice" in refused(pack(tmp_path / "bad.zip", [*entries, entries[1]]))
    assert "twice" in refused(pack(tmp_path / "worse.zip", [*entries, entries[0]]))


def test_compressed_bomb_is_refused_before_it_is_read(honest, refused, tmp_path):
    entries = [*entries_of(honest), ("files/" + "a" * 64, bytes(200 * 1024 * 1024))]
    path = pack(tmp_path / "bomb.zip", entries, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1024 * 1024
    tracemalloc.start()
    began = time.perf_counter()
    assert "is compressed" in refused(path)
    assert time.perf_counter() - began < 2
    assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    tracemalloc.stop()


def test_100_000_entries_are_refused_by_their_number(refused, tmp_path):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as made:
        for number in range(100_000):
            made.writestr(plain(f"files/{number:064x}"), b"")
    began = time.perf_counter()
    assert "100000 entries" in refused(path)
    assert time.perf_counter() - began < 1


def test_number_of_entries_that_lies_is_found(honest, refused, tmp_path):
    for count in (0, 1, 3, 60_000):
        path = patched(honest, tmp_path / f"{count}.zip", END, 8, struct.pack("<HH", count, count))
        refused(path)


def test_encrypted_entries_and_other_flags_are_refused(honest, refused, tmp_path):
    for flags in (0x1, 0x8, 0x40, 0x2000):
        path = tmp_path / f"{flags}.zip"
        patched(honest, path, CENTRAL, 8, struct.pack("<H", flags))
        reason = refused(path)
        assert "encrypted" in reason or "flags" in reason


def test_every_way_to_cut_it_short_is_refused(honest, refused, tmp_path):
    content, path = honest.read_bytes(), tmp_path / "cut.zip"
    directory = content.find(CENTRAL)
    for length in (0, 1, 21, directory, directory + 30, len(content) - 22, len(content) - 1):
        path.write_bytes(content[:length])
        refused(path)


def test_anything_before_or_after_or_between_is_refused(honest, refused, tmp_path):
    content = honest.read_bytes()
    path = tmp_path / "more.zip"
    directory = content.find(CENTRAL)
    for changed in (
        b"#!/bin/sh\n" + content,
        content + b"\0",
        content[:directory] + b"hidden" + content[directory:],
    ):
        path.write_bytes(changed)
        refused(path)


def test_sizes_that_lie_are_found(honest, refused, tmp_path):
    for size in (0, 1, 2**31, 0xFFFFFFFE):
        path = tmp_path / f"{size}.zip"
        patched(honest, path, CENTRAL, 20, struct.pack("<LL", size, size))
        refused(path)


def test_entries_that_share_their_bytes_are_refused(honest, refused, tmp_path):
    entries = entries_of(honest)
    path = pack(tmp_path / "more.zip", [*entries, ("files/" + "f" * 64, entries[1][1])])
    content = bytearray(path.read_bytes())
    second = content.find(LOCAL, content.find(b"files/") - 40)
    third_entry = content.rfind(CENTRAL)
    content[third_entry + 42 : third_entry + 46] = struct.pack("<L", second)
    path.write_bytes(content)
    assert "overlap" in refused(path)


def test_file_whose_bytes_are_not_those_of_its_name_is_refused(honest, refused, tmp_path):
    digest = digest_of(honest)
    for number, change in enumerate((b"\x00", b"\xff")):
        content = bytearray(honest.read_bytes())
        content[content.find(f"files/{digest}".encode()) + 70 + 500] ^= 1 + change[0] % 2
        path = tmp_path / f"{number}.zip"
        path.write_bytes(content)
        refused(path)
    entries = dict(entries_of(honest))
    entries[f"files/{digest}"] = entries[f"files/{digest}"][:-1] + b"\x01"
    reason = refused(pack(tmp_path / "changed.zip", entries.items()))
    assert "hashes to" in reason


def test_other_archives_are_no_bundles(honest, refused, tmp_path):
    tar = tmp_path / "links.tar"
    with tarfile.open(tar, "w") as made:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            member = tarfile.TarInfo("files/" + "a" * 64)
            member.type, member.linkname = kind, "/etc/passwd"
            made.addfile(member)
    assert "no zip archive" in refused(tar)
    empty = tmp_path / "empty.zip"
    pack(empty, [])
    assert "no manifest.json" in refused(empty)
    text = tmp_path / "text.zip"
    text.write_bytes(b"not a zip at all, but longer than the end of one")
    assert "no zip archive" in refused(text)


def test_archive_in_an_archive_is_no_model(honest, refused, tmp_path):
    from registry.versions.errors import FileRejectedError

    inner = honest.read_bytes()
    import hashlib

    digest, old = hashlib.sha256(inner).hexdigest(), digest_of(honest)

    def swap(data):
        data["files"] = {digest: {"size_bytes": len(inner), "media_type": "application/zip"}}
        data["models"][0]["versions"][0]["sha256"] = digest

    path = with_manifest(honest, tmp_path / "step.zip", swap)
    entries = {name.replace(old, digest): content for name, content in entries_of(path)}
    entries[f"files/{digest}"] = inner
    refused(pack(tmp_path / "nested.zip", entries.items()), FileRejectedError)


def test_pickle_with_a_right_hash_is_no_model(honest, refused, tmp_path):
    import hashlib
    import pickle

    from registry.versions.errors import FileRejectedError

    content = pickle.dumps({"weights": [1.0]})
    digest, old = hashlib.sha256(content).hexdigest(), digest_of(honest)

    def swap(data):
        data["files"] = {digest: {"size_bytes": len(content), "media_type": "x"}}
        data["models"][0]["versions"][0]["sha256"] = digest

    path = with_manifest(honest, tmp_path / "step.zip", swap)
    entries = {name.replace(old, digest): content for name, content in entries_of(path)}
    entries[archive.MANIFEST] = dict(entries_of(path))[archive.MANIFEST]
    entries[f"files/{digest}"] = content
    refused(pack(tmp_path / "pickle.zip", entries.items()), FileRejectedError)


def test_honest_bundle_still_comes_in(honest):
    assert import_bundle(honest).versions == ["walker 1.0.0"]
    assert io.BytesIO(honest.read_bytes()).read(4) == LOCAL
