"""The serving side never needs the training side."""

import math
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import importlib, pkgutil, sys

class Refuse:
    FORBIDDEN = {"torch", "torchvision", "open_clip", "ultralytics", "onnx", "sklearn", "model"}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.FORBIDDEN:
            raise AssertionError(f"{name} was imported")

sys.meta_path.insert(0, Refuse())
import knowledge, service
names = [
    module.name
    for package in (service, knowledge)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
]
for name in names:
    importlib.import_module(name)
assert "service.cli" in names and "service.api.frames" in names, names

from pathlib import Path
import numpy as np
from service.pipeline.engine import load_engine
engine = load_engine(Path(sys.argv[1]), threads=1)
(result,) = engine.analyzer.analyze([np.full((48, 64, 3), 90, np.uint8)])
print(len(names), result.score)
"""


def test_every_module_and_one_frame_work_without_torch(tiny_bundle_dir: Path) -> None:
    """A fresh interpreter in which any import of the training stack raises."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tiny_bundle_dir)],
        env={name: value for name, value in os.environ.items() if name != "PYTHONSTARTUP"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    num_modules, score = done.stdout.split()
    assert int(num_modules) > 40
    assert math.isfinite(float(score))
