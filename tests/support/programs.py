"""Programs that some tests need and a machine may not have. conftest.py skips those tests where one is missing."""

import os
import shutil
from importlib.util import find_spec

_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/games"])


def _found(*names: str) -> str | None:
    return next(filter(None, (shutil.which(name, path=_PATH) for name in names)), None)


GNUGO = _found("gnugo")
CHROMIUM = _found("chromium", "chromium-browser", "google-chrome")
NODE, NPM = _found("node"), _found("npm")


def _has_gpu() -> bool:
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


# Marker: whether this machine has what it asks for, and what to install.
MARKERS = {
    "gnugo": (GNUGO is not None, "gnugo is not installed"),
    "browser": (CHROMIUM is not None, "chromium is not installed"),
    "node": (NODE is not None and NPM is not None, "node and npm are not installed"),
    "gpu": (_has_gpu(), "there is no GPU here"),
}
