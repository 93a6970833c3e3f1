"""A process that trains gives way to the page server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tl_core.runs.priority import NICENESS

SCRIPT = """
import os
from pathlib import Path
from tl_core.runs.priority import give_way
before = os.getpriority(os.PRIO_PROCESS, 0)
give_way(with_session={with_session})
print(os.getpriority(os.PRIO_PROCESS, 0) - before)
group = Path("/proc/self/autogroup")
print(group.read_text().split()[-1] if group.exists() else "none")
"""


@pytest.mark.parametrize("with_session", [True, False])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has classes instead of niceness")
def test_it_steps_back_and_its_session_where_it_has_one(with_session: bool) -> None:
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(with_session=with_session)],
        check=True, capture_output=True, text=True, timeout=60, start_new_session=True,
    ).stdout.split()  # fmt: skip
    assert int(told[0]) > 0
    if Path("/proc/self/autogroup").exists():
        assert int(told[1]) == (NICENESS if with_session else 0)
