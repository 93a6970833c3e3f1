"""How much quicker the app's runs are than the ordinary way, and as good.

Each side works in a process of its own that has done a short run before, as a worker has; the time
of imports is in neither. A repeat takes every row once, the reference and ours in turn; the table
shows medians. Ours is `train_run` with everything around the training: decoding, caching, the
bundle, the final figures. "Cold" means that the caches are empty; the pictures were imported.

What is compared with what:
- Reference and ours have the same pictures, batch, epochs, precision, learning rate and seed. Our
  runs may end early for want of progress; the reference is then counted for as many epochs only.
- "last two stages" is our recipe: first the head alone, then the last two stages, ten epochs in
  all. The reference lets the last two stages learn in all ten.
- "everything" is trained from random weights on both sides, because that recipe has one phase, as
  the reference has. Its accuracy says little, so `--accuracy` compares fine-tuning from weights.
  There the reference learns twice, with the tutorial's SGD and with Adam; the better one counts.
- "steps" is our loop against bare steps on the same random batch, in our process (`steps.py`).
- "one pass" is one ordinary forward pass over all pictures, decoded already (eager, batch 32).
"""

from __future__ import annotations

import argparse
import cProfile
import multiprocessing
import pstats
import statistics
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ours
import reference
from table import show


@dataclass(frozen=True)
class Job:
    """The same training for both sides; `learning` is the number of last stages, `None` for all."""

    title: str
    recipe: str
    learning: int | None
    epochs: int
    augment: str


JOBS = {
    "light": Job("feature extraction, light augmentation", "feature-extraction", 0, 10, "light"),
    "plain": Job("feature extraction, evaluation transforms", "feature-extraction", 0, 10, "none"),
    "last-two": Job("the last two stages", "fine-tune", 2, 10, "light"),
    "everything": Job("everything, random weights", "scratch", None, 3, "light"),
    "all-weights": Job("everything, from weights", "fine-tune", None, 3, "light"),
}


class Sides:
    """Both sides, each in a process of its own."""

    def __init__(self, args: argparse.Namespace, stack: ExitStack) -> None:
        self.args = args
        self.home = stack.enter_context(tempfile.TemporaryDirectory())
        context = multiprocessing.get_context("spawn")
        self._theirs, self._ours = (
            stack.enter_context(ProcessPoolExecutor(1, context)) for _ in range(2)
        )
        self.dataset = self.in_ours(ours.import_data, self.home, args.data)

    def in_ours(self, work: Callable[..., Any], *values: Any, **named: Any) -> Any:
        """Call a function in our process."""
        return self._ours.submit(work, *values, **named).result()

    def reference(
        self, job: Job, *, epochs: int | None = None, seed: int = 0, optimizer: str = "sgd"
    ) -> reference.Outcome:
        """Train the ordinary way."""
        learning = None
        if job.learning is not None:
            learning = ours.parameters_of_last(self.args.backbone, job.learning)
        return self._theirs.submit(
            reference.train,
            self.args.data,
            None if job.recipe == "scratch" else self.args.weights,
            network=self.args.backbone,
            learning=learning,
            augment=job.augment,
            epochs=epochs or job.epochs,
            batch=self.args.batch,
            lr=self.args.lr,
            seed=seed,
            optimizer=optimizer,
            workers=self.args.workers,
        ).result()

    def one_pass(self) -> float:
        """Return the seconds of one ordinary pass over all pictures."""
        return self._theirs.submit(
            reference.one_pass, self.args.data, self.args.weights, network=self.args.backbone
        ).result()

    def settings(self, job: Job, **changes: Any) -> dict[str, Any]:
        """Return the settings of our run."""
        return {
            "backbone": self.args.backbone,
            "weights": None if job.recipe == "scratch" else self.args.weights,
            "recipe": job.recipe,
            "freeze": self._freeze(job),
            "epochs": job.epochs,
            "augment": job.augment,
            "batch_size": self.args.batch,
            "lr": self.args.lr,
        } | changes

    def ours(self, job: Job, *, cold: bool = True, **changes: Any) -> ours.Outcome:
        """Train our way."""
        settings = self.settings(job, **changes)
        return self.in_ours(ours.train, self.home, self.dataset, settings, cold=cold)

    def _freeze(self, job: Job) -> str | None:
        if job.recipe != "fine-tune":
            return None
        return "none" if job.learning is None else ours.all_but(self.args.backbone, job.learning)

    def warm_up(self) -> None:
        """Run one epoch on both sides, so that everything is imported and loaded."""
        self.reference(JOBS["plain"], epochs=1)
        self.ours(JOBS["plain"], epochs=1)


class Repeat:
    """One round of measurements: seconds of the reference, seconds of ours."""

    def __init__(self, sides: Sides) -> None:
        self.sides = sides

    def job(self, key: str) -> tuple[float, float]:
        """Measure a job with cold caches."""
        job = JOBS[key]
        return self._same_epochs(job, self.sides.reference(job), self.sides.ours(job))

    @cached_property
    def _plain(self) -> tuple[reference.Outcome, ours.Outcome, ours.Outcome]:
        """The reference, our cold run, and our next one with another learning rate."""
        job = JOBS["plain"]
        theirs = self.sides.reference(job)
        cold = self.sides.ours(job)
        return theirs, cold, self.sides.ours(job, cold=False, lr=2 * self.sides.args.lr)

    def plain(self) -> tuple[float, float]:
        """Measure with cold caches."""
        return self._same_epochs(JOBS["plain"], *self._plain[:2])

    def warm(self) -> tuple[float, float]:
        """Measure the second run; for the reference, another rate costs what the first cost."""
        return self._same_epochs(JOBS["plain"], self._plain[0], self._plain[2])

    def one_pass(self) -> tuple[float, float]:
        """Measure an ordinary pass, and our whole cold run."""
        return self.sides.one_pass(), self._plain[1].seconds

    def steps(self) -> tuple[float, float]:
        """Measure bare steps and ours, in seconds per step."""
        args = self.sides.args
        return self.sides.in_ours(ours.step_seconds, args.backbone, args.batch, args.steps)

    def _same_epochs(
        self, job: Job, theirs: reference.Outcome, own: ours.Outcome
    ) -> tuple[float, float]:
        return theirs.seconds * own.epochs / job.epochs, own.seconds


@dataclass(frozen=True)
class Row:
    """One line of the table: reference / ours must be at least the goal, or ours / it at most."""

    title: str
    measure: Callable[[Repeat], tuple[float, float]]
    goal: float
    at_most: bool = False


ROWS = {
    "light": Row("feature extraction, 10 epochs, light", lambda r: r.job("light"), 6),
    "plain": Row("feature extraction, 10 epochs, evaluation", Repeat.plain, 12),
    "warm": Row("the same again, another rate, warm", Repeat.warm, 40),
    "one-pass": Row("our cold run / one ordinary pass", Repeat.one_pass, 1.0, at_most=True),
    "last-two": Row("last two stages, 10 epochs", lambda r: r.job("last-two"), 2),
    "everything": Row("everything, 3 epochs", lambda r: r.job("everything"), 1.1),
    "steps": Row("bare step / our step, everything", Repeat.steps, 0.88),
}


def main() -> None:
    """Measure and print."""
    args = arguments().parse_args()
    with ExitStack() as stack:
        sides = Sides(args, stack)
        if args.profile:
            profile(sides, args.profile)
            return
        sides.warm_up()
        if args.accuracy:
            show("accuracy_against_reference", accuracies(sides))
        else:
            show("speed", speeds(sides))


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="a folder with train/ and val/")
    parser.add_argument("--weights", required=True, help="a .safetensors file of the backbone")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--steps", type=int, default=4, help="in a round of the row 'steps'")
    parser.add_argument("--workers", type=int, default=2, help="of the reference's loaders")
    parser.add_argument("--accuracy", action="store_true", help="compare accuracies instead")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--profile", choices=list(JOBS), help="show where our time goes instead")
    return parser


def speeds(sides: Sides) -> list[dict[str, Any]]:
    """Measure every row in each repeat and return the table."""
    taken: dict[str, list[tuple[float, float]]] = {key: [] for key in sides.args.rows}
    for _ in range(sides.args.repeats):
        repeat = Repeat(sides)
        for key, pairs in taken.items():
            pairs.append(ROWS[key].measure(repeat))
            print(f"{key}: reference {pairs[-1][0]:.2f} s, ours {pairs[-1][1]:.2f} s", flush=True)
    print()
    return [_row(ROWS[key], pairs) for key, pairs in taken.items()]


def _row(row: Row, pairs: list[tuple[float, float]]) -> dict[str, Any]:
    ratios = [own / theirs if row.at_most else theirs / own for theirs, own in pairs]
    ratio = statistics.median(ratios)
    return {
        "what": row.title,
        "reference s": statistics.median(theirs for theirs, _ in pairs),
        "our s": statistics.median(own for _, own in pairs),
        "ratio": ratio,
        "lowest": min(ratios),
        "highest": max(ratios),
        "goal": f"{'≤' if row.at_most else '≥'} {row.goal:g}",
        "met": ratio <= row.goal if row.at_most else ratio >= row.goal,
    }


TRAINERS: dict[str, Callable[[Sides, Job, int], float]] = {
    "SGD": lambda sides, job, seed: sides.reference(job, seed=seed).accuracy,
    "Adam": lambda sides, job, seed: sides.reference(job, seed=seed, optimizer="adam").accuracy,
    "ours": lambda sides, job, seed: sides.ours(job, seed=seed).accuracy,
}


def accuracies(sides: Sides) -> list[dict[str, Any]]:
    """Compare validation accuracies, means over seeds, with the better of two references."""
    rows = []
    for key in ("light", "plain", "last-two", "all-weights"):
        job = JOBS[key]
        found: dict[str, list[float]] = {side: [] for side in TRAINERS}
        for seed in sides.args.seeds:
            for side, train in TRAINERS.items():
                found[side].append(train(sides, job, seed))
                print(f"{key}, seed {seed}, {side}: {found[side][-1]:.4f}", flush=True)
        means = {side: statistics.mean(values) for side, values in found.items()}
        difference = means["ours"] - max(means["SGD"], means["Adam"])
        rows.append(
            {"what": f"{job.title}, {job.epochs} epochs", **means, "difference": difference,
             "goal": "≥ -0.01", "met": difference >= -0.01}
        )  # fmt: skip
    print()
    return rows


def profile(sides: Sides, key: str) -> None:
    """Print what a run of ours said when, and which of our functions took how long."""
    settings = sides.settings(JOBS[key])
    ours.train(sides.home, sides.dataset, settings | {"epochs": 1})  # warms this process up
    profiler = cProfile.Profile()
    outcome = profiler.runcall(ours.train, sides.home, sides.dataset, settings)
    print(f"{JOBS[key].title}: {outcome.seconds:.2f} s, {outcome.epochs} epochs\n")
    for what, first, last in outcome.said:
        print(f"{first:8.2f} – {last:6.2f} s  {what}")
    pstats.Stats(profiler).sort_stats("cumulative").print_stats("tl_core", 30)


if __name__ == "__main__":
    main()
