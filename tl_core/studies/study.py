"""A study: one question, the runs that answer it, and what they have told so far.

A study is a plan carried out by ordinary runs: they wait in the same queue, survive a closed tab
and a restart, and stand in the same store. What belongs together is written into the runs' facts,
so a study has no record of its own that could disagree with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from tl_core.config import DeviceName, RunConfig
from tl_core.data.dataset import Dataset
from tl_core.errors import UserError
from tl_core.runs.engines import Engine
from tl_core.runs.store import Run, Store
from tl_core.workspace import Workspace, new_id

FACT = "study"
RowT = TypeVar("RowT", covariant=True)


@dataclass(frozen=True)
class Asked:
    """What a person asks of a study.

    Attributes:
        dataset: the pictures.
        backbone: that the question is about, where it is about one.
        seeds: how often what depends on chance is repeated.
        weights: a `.safetensors` file for some backbones, by their names.
        download: whether weights that are not on this machine may be downloaded.
        device: where to compute.
    """

    dataset: Dataset
    backbone: str = "mini"
    seeds: int = 3
    weights: Mapping[str, str] = field(default_factory=dict)
    download: bool = False
    device: DeviceName = "auto"

    def config(self, backbone: str, **settings: Any) -> RunConfig:
        """Return a run's settings on these pictures, with the weights that were brought for it."""
        weights = None if settings.get("recipe") == "scratch" else self.weights.get(backbone)
        return RunConfig(self.dataset.id, backbone, weights=weights, device=self.device, **settings)


@dataclass(frozen=True)
class Part:
    """One run of a study, and what it stands for."""

    label: str
    config: RunConfig


@dataclass(frozen=True)
class Missing:
    """A backbone that would belong into a study and cannot be run here, and why."""

    backbone: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """The runs of a study, in the order in which they answer best, and what is missing."""

    parts: tuple[Part, ...]
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True)
class Study:
    """A study as it stands.

    Attributes:
        id: unguessable.
        kind: which question.
        created: when, in seconds since 1970.
        runs: its runs by label, as they stand, in the order of the plan.
        missing: what could not be run.
    """

    id: str
    kind: str
    created: float
    runs: tuple[tuple[str, Run], ...]
    missing: tuple[Missing, ...]

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return all(run.is_over for _, run in self.runs)

    @property
    def finished(self) -> tuple[tuple[str, Run], ...]:
        """The runs that have an answer."""
        return tuple((label, run) for label, run in self.runs if run.state == "finished")

    @property
    def first(self) -> RunConfig:
        """Settings of its first run."""
        return self.runs[0][1].config


@dataclass(frozen=True)
class Reading(Generic[RowT]):
    """What a study's runs have told so far.

    Attributes:
        headline: the answer in one sentence; nothing while there is none.
        why: the reason, or how far the answer can be trusted.
        rows: figures, one dataclass each.
        suggestion: what to choose, by the name of the setting.
    """

    headline: str
    why: str
    rows: tuple[RowT, ...]
    suggestion: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "headline": self.headline,
            "why": self.why,
            "rows": [asdict(row) for row in self.rows],  # type: ignore[call-overload]
            "suggestion": dict(self.suggestion),
        }


class Kind(Protocol):
    """A question that can be studied: a module of this room.

    Attributes:
        NAME: what scripts call it.
        TITLE: what people call it.
        QUESTION: in one sentence, as it is asked.
    """

    NAME: str
    TITLE: str
    QUESTION: str

    def plan(self, asked: Asked) -> Plan:
        """Return the runs that answer it.

        Raises:
            UserError: these pictures cannot answer it.
        """

    def read(self, study: Study, store: Store, workspace: Workspace) -> Reading[Any]:
        """Return what the runs have told so far."""


def start(engine: Engine, kind: str, plan: Plan, dataset_name: str) -> str:
    """Submit the runs of a study and return its id."""
    study = new_id()
    missing = [asdict(one) for one in plan.missing]
    for number, part in enumerate(plan.parts):
        fact = {"id": study, "kind": kind, "number": number, "label": part.label}
        if not number:
            fact["missing"] = missing
        facts: dict[str, Any] = {"dataset_name": dataset_name, FACT: fact}
        engine.submit(part.config, **facts)
    return study


def studies(store: Store) -> list[Study]:
    """Return every study, newest first."""
    found: dict[str, list[Run]] = {}
    for run in store.runs():
        if _belongs(run):
            found.setdefault(run.facts[FACT]["id"], []).append(run)
    return [_study(runs) for runs in found.values()]


def _belongs(run: Run) -> bool:
    """Tell whether a run says which study it is a part of, in the way that `start` wrote it."""
    fact = run.facts.get(FACT)
    said = {"id": str, "kind": str, "number": int, "label": str}
    return isinstance(fact, dict) and all(isinstance(fact.get(n), k) for n, k in said.items())


def find_study(store: Store, study: str) -> Study:
    """Return the study with this id.

    Raises:
        UserError: there is none.
    """
    found = [one for one in studies(store) if one.id == study]
    if not found:
        raise UserError(f"There is no study {study!r} here; start one on the Learn page.")
    return found[0]


def _study(runs: Sequence[Run]) -> Study:
    ordered = sorted(runs, key=lambda run: run.facts[FACT]["number"])
    first = ordered[0].facts[FACT]
    return Study(
        id=first["id"],
        kind=first["kind"],
        created=ordered[0].created,
        runs=tuple((run.facts[FACT]["label"], run) for run in ordered),
        missing=tuple(
            Missing(one["backbone"], one["reason"])
            for one in first.get("missing") or ()
            if {"backbone", "reason"} <= one.keys()
        ),
    )


def stop(engine: Engine, study: Study) -> None:
    """Ask every run of a study to stop that is not over yet, the waiting ones first."""
    for _, run in reversed(study.runs):
        if not run.is_over:
            engine.cancel(run.id)
