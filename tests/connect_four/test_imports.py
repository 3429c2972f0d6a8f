"""The game needs PyTorch and numba, and nothing of what it can be used with."""

import subprocess
import sys

PROGRAM = """
import sys
for name in ("gymnasium", "pettingzoo", "django", "zstandard"):
    sys.modules[name] = None  # importing it raises ImportError
from hamlet.envs.connect_four import LAYOUT, Position, read_position, write_board
assert "numba" not in sys.modules  # a board can be read without the compiled rules
from hamlet.envs.connect_four import ConnectFourBatch
assert not any(name.startswith("hamlet.learning") for name in sys.modules)
from hamlet.errors import HamletError
for name in ("ConnectFourAEC", "ConnectFourGymEnv"):
    try:
        exec(f"from hamlet.envs.connect_four import {name}")
    except HamletError as error:
        print(error)
"""


def test_game_imports_without_its_wrappers_which_say_what_to_install():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        'ConnectFourAEC needs pettingzoo, which is missing. pip install "hamlet[games]"',
        'ConnectFourGymEnv needs gymnasium, which is missing. pip install "hamlet[games]"',
    ]
