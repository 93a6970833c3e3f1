"""Finding the bundle that somebody means."""

from __future__ import annotations

from pathlib import Path

from tl_core.errors import UserError
from tl_core.runs.store import Store
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
    run = Store(workspace.store).run(model)
    # The second place: a workspace that was moved, or copied to another machine.
    places = (run.facts.get("bundle"), workspace.runs / run.id / "model.headstart")
    bundle = next((place for place in places if place and Path(place).is_file()), None)
    if bundle is None or run.facts.get("bundle") is None:
        raise UserError(f"Run {model} is {run.state} and has no model; choose a finished run.")
    return Path(bundle)
