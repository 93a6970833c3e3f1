"""Finding the bundle that somebody means."""

from __future__ import annotations

from pathlib import Path

from tl_core.errors import UserError
from tl_core.runs.rebuild import open_store
from tl_core.runs.store import Run
from tl_core.workspace import Workspace


def find_bundle(model: str) -> Path:
    """Return the bundle of a run's id, or the `.headstart` file of that name.

    Raises:
        UserError: neither exists, or the run has no model yet.
    """
    if Path(model).is_file():
        return Path(model)
    if model.endswith(".headstart"):
        raise UserError(f"There is no file {model}; check the name.")
    workspace = Workspace.open()
    run = open_store(workspace).run(model)
    if run.facts.get("bundle") is None:
        raise UserError(f"Run {model} is {run.state} and has no model; choose a finished run.")
    bundle = bundle_of(workspace, run)
    if not bundle.is_file():
        raise UserError(
            f"The model of run {model} is gone: {bundle} is not there; train the run again."
        )
    return bundle


def bundle_of(workspace: Workspace, run: Run) -> Path:
    """Return where the model of a run is, or was.

    That is in the run's folder here, whatever its row says: in a workspace that was moved or copied
    the row still names the place where the model was made, which is another workspace's.
    """
    return workspace.runs / run.id / "model.headstart"
