"""A million positions are built in memory that does not grow with their number."""

import subprocess
import sys
from pathlib import Path

import pytest

MOST_MIB = 80  # above what the process holds before it reads the first game
PROGRAM = """
import sys
from pathlib import Path
from tests.datasets.random_games import many_random_games
from hamlet.datasets.building import build_dataset

def peak():
    # Not ru_maxrss, which starts with the memory of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

folder, games = sys.argv[1], int(sys.argv[2])
build_dataset(folder + "/small", many_random_games(1000, 1, search=True))
before = peak()
options = {"include_policy": True, "deduplicate": False, "max_examples": 1000000,
           "augment": {"flip": True}}
manifest = build_dataset(folder + "/large", many_random_games(games, 2, search=True), options)
print(manifest.total_examples, peak() - before)
"""


@pytest.mark.slow(expected_s=30)
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted otherwise elsewhere")
def test_a_million_positions_are_built_within_a_fixed_memory_limit(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), "28000"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    total, more = done.stdout.split()
    print(f"{float(more):.0f} MiB above the base")
    assert int(total) == 1_000_000
    assert float(more) < MOST_MIB
