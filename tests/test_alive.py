"""A lock that is dropped however its process ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tl_core.alive import alive, has_died
from tl_core.runs.launch import child_environment


def test_a_process_is_known_to_live_until_it_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "workers" / "one.lock"
    assert not has_died(file), "nothing is known"
    code = """
import sys, time
from pathlib import Path
from tl_core.alive import alive
with alive(Path(sys.argv[1])):
    print("there", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE, env=child_environment()
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        assert not has_died(file)
        assert not has_died(file), "asking takes no lock"
    finally:
        process.kill()
    process.stdout.read()  # ends with the process, and leaves its zombie
    assert has_died(file)
    process.wait()


def test_who_ends_well_leaves_nothing(tmp_path: Path) -> None:
    with alive(tmp_path / "one.lock"):
        assert not has_died(tmp_path / "one.lock")
    assert list(tmp_path.iterdir()) == []
