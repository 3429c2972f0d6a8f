"""The town needs PyTorch and PyYAML, and nothing of what it can be used with."""

import subprocess
import sys

PROGRAM = """
import sys
for name in ("gymnasium", "django", "pettingzoo"):
    sys.modules[name] = None  # importing it raises ImportError
import hamlet.envs.town, hamlet.envs.town.policies
from hamlet.envs.town import TownEnv, load_pack
print(TownEnv(load_pack("L0").level, 2).obs.shape[1])
assert not any(name.startswith("hamlet.learning") for name in sys.modules)
"""


def test_town_imports_without_gymnasium_django_and_learning():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "164"
