"""What was compiled is kept where nobody else can put anything: it runs as it is found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = "import hamlet.compiled, numba; print(numba.config.CACHE_DIR)"


def cache_folder(tmp_path: Path) -> Path:
    """Of a process whose user has no folder of his own that can be written."""
    nowhere = "/dev/null/nowhere"
    kept = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    homeless = kept | {"HOME": nowhere, "XDG_CACHE_HOME": nowhere, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=homeless
    )
    return Path(done.stdout.strip())


def test_without_a_home_the_cache_is_a_temporary_folder_of_this_user_alone(tmp_path):
    folder = cache_folder(tmp_path)
    assert folder.parent == tmp_path / f"numba-{os.getuid()}"
    assert folder.parent.stat().st_mode & 0o077 == 0
    assert cache_folder(tmp_path) == folder  # the next process finds what this one compiled


@pytest.mark.parametrize("open_to_others", [0o777, 0o770])
def test_folder_that_others_may_write_is_not_used(tmp_path, open_to_others):
    planted = tmp_path / f"numba-{os.getuid()}"
    planted.mkdir()
    planted.chmod(open_to_others)
    assert planted not in cache_folder(tmp_path).parents


def test_link_to_somewhere_else_is_not_used(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    planted = tmp_path / f"numba-{os.getuid()}"
    planted.symlink_to(elsewhere)
    assert planted not in cache_folder(tmp_path).parents
