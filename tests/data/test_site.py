"""A dataset is there whole or not at all, and what a killed process left goes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tl_core.data.site import building_site, sweep

ROOT = Path(__file__).parents[2]


def test_a_site_is_gone_afterwards(workspace):
    def interrupted() -> None:
        with building_site(workspace.datasets) as site:
            (site / "files").mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(workspace.datasets.iterdir()) == []


def test_sites_of_this_process_stay_while_they_are_built(workspace):
    with building_site(workspace.datasets) as one, building_site(workspace.datasets) as two:
        sweep(workspace.datasets)
        assert one.is_dir()
        assert two.is_dir()


def test_what_a_killed_process_left_goes_at_the_next_start(workspace):
    script = (
        "import sys, time; from pathlib import Path\n"
        "from tl_core.data.site import building_site\n"
        "with building_site(Path(sys.argv[1])) as site:\n"
        "    (site / 'file').write_bytes(b'x'); print('built', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(workspace.datasets)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        sweep(workspace.datasets)
        assert len(list(workspace.datasets.glob("*.part"))) == 1, "it is being built"
        other.kill()
    sweep(workspace.datasets)
    assert list(workspace.datasets.iterdir()) == []


def test_what_nobody_can_be_asked_about_goes_after_a_day(workspace):
    old, fresh = workspace.datasets / ".old.part", workspace.datasets / ".fresh.part"
    old.mkdir()
    fresh.mkdir()
    os.utime(old, (time.time() - 10**6,) * 2)
    sweep(workspace.datasets)
    assert [path.name for path in workspace.datasets.iterdir()] == [".fresh.part"]
