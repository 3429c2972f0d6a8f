"""What importing the library brings along, looked at in a process of its own."""

import subprocess
import sys

from tests.packaging.wheels import ROOT

WITHOUT = """
import sys
class ShutOut:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {shut} or name in {shut}:
            raise ModuleNotFoundError(name + " is shut out", name=name)
sys.meta_path.insert(0, ShutOut())
"""
WEB = [
    "django",
    "channels",
    "celery",
    "rest_framework",
    "hamletweb",
    "live",
    "training",
    "registry",
]

EVERY_MODULE = """
import importlib, pkgutil, hamlet
names = [found.name for found in pkgutil.walk_packages(hamlet.__path__, "hamlet.")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_of_hamlet_imports_without_django():
    assert int(run(WITHOUT.format(shut=WEB) + EVERY_MODULE)) > 20


MODELS_ALONE = """
import threading, torch
before = torch.get_rng_state()
import hamlet.model, hamlet.brains, hamlet.checkpoint, hamlet.signature, hamlet.layout
assert torch.equal(before, torch.get_rng_state()), "a random number was drawn"
assert threading.active_count() == 1, "a thread was started"
"""


def test_models_import_without_gymnasium_and_without_learning_and_quietly():
    run(WITHOUT.format(shut=[*WEB, "gymnasium", "hamlet.learning", "hamlet.envs"]) + MODELS_ALONE)
