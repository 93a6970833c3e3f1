"""The bundle that somebody means is this workspace's, and no other's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tl_core.errors import UserError
from tl_core.runs.engines.local import LocalEngine
from tl_core.runs.locate import bundle_of, find_bundle
from tl_core.runs.store import Run, Store
from tl_core.workspace import Workspace


def test_a_copied_workspace_has_models_of_its_own(
    trained: Callable[..., Run], workspace: Workspace, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    run = trained()
    copy = Workspace(tmp_path / "copy")
    shutil.copytree(workspace.root, copy.root)
    monkeypatch.setenv("HEADSTART_HOME", str(copy.root))
    assert find_bundle(run.id) == bundle_of(copy, run)
    assert copy.root in find_bundle(run.id).parents
    bundle_of(copy, run).unlink()
    with pytest.raises(UserError, match="is gone"):
        find_bundle(run.id)
    assert Path(run.facts["bundle"]).is_file(), "the original's, which is not taken"


def test_a_store_that_is_gone_is_rebuilt_first(
    trained: Callable[..., Run], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained()
    monkeypatch.setenv("HEADSTART_HOME", str(workspace.root))
    for file in workspace.root.glob("headstart.db*"):
        file.unlink()
    assert find_bundle(run.id) == bundle_of(workspace, run)


def test_extending_without_the_pictures_leaves_the_run_finished(
    trained: Callable[..., Run], workspace: Workspace, store: Store
) -> None:
    run = trained()
    store.learn(run.id, dataset_name="Colours")
    shutil.rmtree(workspace.datasets / run.config.dataset)
    with pytest.raises(UserError, match="Colours") as caught:
        LocalEngine(workspace, store).extend(run.id, 1)
    assert run.config.dataset not in str(caught.value)
    assert store.run(run.id).state == "finished"
