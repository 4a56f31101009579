"""How the environment becomes known to Gymnasium."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "program",
    [
        "import gymnasium, hayago; gymnasium.make('hayago/Go-v0')",
        "import hayago.envs, gymnasium; gymnasium.make('hayago/Go-v0')",
        "import gymnasium; gymnasium.make('hayago.envs:hayago/Go-v0')",
        "import sys, hayago; assert 'gymnasium' not in sys.modules",
    ],
)
def test_it_is_known(program):
    subprocess.run([sys.executable, "-c", program], check=True)
