"""Runs beside each other: what each was told, what differs, and what their pictures say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tl_core.evaluation.paired import Paired, judged, paired
from tl_core.runs.evaluating import kept_predictions
from tl_core.runs.naming import backbone_title
from tl_core.runs.store import Run, Store
from tl_core.workspace import Workspace

NOTE, FAVOURITE = "note", "favourite"
"""Facts that a person adds to a run."""

MOST_NOTE = 2000  # characters
UNKNOWN = "–"


def annotate(store: Store, run: Run, note: str, is_favourite: bool) -> None:
    """Write down what a person adds to a run, also in its folder; nothing where it is the same."""
    said = {NOTE: note[:MOST_NOTE], FAVOURITE: is_favourite}
    if said != {NOTE: run.facts.get(NOTE, ""), FAVOURITE: bool(run.facts.get(FAVOURITE))}:
        store.learn(run.id, None, **said)
        store.keep(store.run(run.id))


def _last_phase(name: str) -> Callable[[Run], object]:
    def of(run: Run) -> object:
        phases = run.facts.get("phases") or [{}]
        return phases[-1].get(name)

    return of


def _frozen(run: Run) -> object:
    stages = run.facts.get("frozen_stages")
    return stages if stages is None else f"up to {stages[-1]}" if stages else "nothing"


def _epochs(run: Run) -> object:
    done, planned = run.facts.get("epochs"), run.facts.get("epochs_planned")
    return planned and (f"{done} of {planned}" if done else f"at most {planned}")


_WORK: Mapping[str, str] = {
    "train": "training a network",
    "probe": "probing frozen stages",
    "handmade": "features made by hand",
}
_SETTINGS: Mapping[str, Callable[[Run], object]] = {
    "Pictures": lambda run: run.facts.get("dataset_name", run.config.dataset),
    "Version of the pictures": lambda run: run.config.dataset,
    "Pictures of each class": lambda run: run.config.per_class or "all",
    "Kind of work": lambda run: _WORK[run.config.work],
    "Backbone": lambda run: backbone_title(run.config),
    "Recipe": lambda run: run.facts.get("recipe", run.config.recipe),
    "Frozen": _frozen,
    "Weights": lambda run: "your own file" if run.config.weights else "published",
    "Epochs": _epochs,
    "Learning rate of the head": _last_phase("head_lr"),
    "Pictures per step": _last_phase("batch_size"),
    "Variation of the pictures": _last_phase("augment"),
    "Seed": lambda run: run.config.seed,
    "Trained on": lambda run: run.facts.get("device"),
}


def settings(run: Run) -> dict[str, str]:
    """Return what a run was told and what was chosen for it, in words; plain text."""
    told = {name: _told(of, run) for name, of in _SETTINGS.items()}
    return {
        name: UNKNOWN if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        for name, value in told.items()
    }


def _told(of: Callable[[Run], object], run: Run) -> object:
    """Return one setting; `None` where the run's facts hold something else in its place."""
    try:
        return of(run)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


def differing(runs: Sequence[Run]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return the settings that differ, with each run's value, and those that all runs share."""
    told = [settings(run) for run in runs]
    values = {name: [each[name] for each in told] for name in _SETTINGS}
    return (
        {name: row for name, row in values.items() if len(set(row)) > 1},
        {name: row[0] for name, row in values.items() if len(set(row)) == 1},
    )


def against(workspace: Workspace, reference: Run, runs: Sequence[Run]) -> dict[str, Paired | None]:
    """Compare runs with a reference on the validation pictures that both were checked with.

    Returns:
        By the id of the run; `None` where there are no such pictures, or no answers were kept.
    """
    known = {
        run.id: judged(made, run.facts["classes"])
        for run in (reference, *runs)
        if (made := kept_predictions(workspace, run, "validation")) is not None
    }
    return {
        run.id: paired(known[reference.id], known[run.id])
        if reference.id in known and run.id in known
        else None
        for run in runs
    }
