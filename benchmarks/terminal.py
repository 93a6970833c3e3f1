"""Running `python -m tl_core … --json` as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def answer(home: Path, *arguments: str) -> dict[str, Any]:
    """Return the JSON answer of one command in the workspace `home`."""
    done = subprocess.run(
        [sys.executable, "-m", "tl_core", *arguments, "--json"],
        cwd=ROOT,
        env=os.environ | {"HEADSTART_HOME": str(home), "HEADSTART_WORKER_IDLE": "5"},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
