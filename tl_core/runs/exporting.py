"""A run's model as a file that leaves Headstart: the bundle, ONNX, or scripts."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.backbones.catalog import find_card
from tl_core.bundles.archive import check_whole, read_manifest
from tl_core.bundles.manifest import Manifest
from tl_core.bundles.script import Recipe, predicting_script, training_script
from tl_core.config import RunConfig
from tl_core.data.dataset import find_dataset
from tl_core.errors import HeadstartError, UserError, unknown
from tl_core.runs.locate import find_bundle
from tl_core.runs.predictor.jobs import Job
from tl_core.runs.predictor.predicting import Predictor
from tl_core.runs.predictor.wire import Message
from tl_core.runs.rebuild import open_store
from tl_core.runs.run import Run
from tl_core.training.phases import Phase
from tl_core.workspace import Workspace, replacing, require_space, write_atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tl_core.bundles.predict import Model

ENDINGS = {"bundle": ".headstart", "onnx": ".onnx", "script": ".py"}
SAMPLES = 16
"""Pictures on which an ONNX file has to answer as the model does."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: the one that was asked for, then those that belong to it.
        said: one sentence on what was checked, or on what to do with them.
    """

    files: tuple[Path, ...]
    said: str


def export(workspace: Workspace, model: str, kind: str, target: Path) -> Exported:
    """Write a run's model, or a bundle's, as a file.

    Args:
        workspace: of the run.
        model: a run's id, or a `.headstart` file.
        kind: one of `KINDS`.
        target: the file to write; what was there is replaced once the new one is whole.

    Raises:
        UserError: there is no such model or kind, the place cannot be written, or a package is
            missing.
        HeadstartError: an ONNX file did not give the model's answers.
    """
    if kind not in KINDS:
        raise unknown("format", kind, KINDS)
    bundle = find_bundle(model)
    with writing_to(target):
        return KINDS[kind](workspace, model, bundle, target)


@contextmanager
def writing_to(target: Path) -> Iterator[None]:
    """Let the block write a file that a person named.

    Raises:
        UserError: it cannot be written.
    """
    if target.is_dir() or not target.parent.is_dir():
        raise UserError(
            f"{target} is not a file that can be written; name a file in a folder that exists."
        )
    try:
        yield
    except PermissionError as error:
        raise UserError(
            f"{target} cannot be written ({error.strerror}); choose another folder."
        ) from error


def export_later(
    predictor: Predictor, workspace: Workspace, model: str, kind: str, stem: str
) -> Job[Exported]:
    """Ask the predictor process to export; for pages, which have no torch.

    Args:
        predictor: does it.
        workspace: of the run; the files are kept there for a day.
        model: a run's id, or a `.headstart` file.
        kind: one of `KINDS`.
        stem: what the file is called, without its ending.

    Raises:
        UserError: too many wait already.
    """
    place = hashlib.sha256(f"{model} {kind}".encode()).hexdigest()[:16]
    request: Message = {
        "do": "export",
        "workspace": str(workspace.root),
        "model": model,
        "kind": kind,
        "target": str(workspace.batches / place / f"{stem}{ENDINGS[kind]}"),
    }
    job = predictor.later(request, _read)
    if job.is_over and not _is_there(job):
        predictor.forget(job)
        job = predictor.later(request, _read)
    return job


def _read(answer: Message) -> Exported:
    return Exported(tuple(map(Path, answer["files"])), str(answer["said"]))


def _is_there(job: Job[Exported]) -> bool:
    """Say whether what was made is still there: after a day it is swept up."""
    try:
        return all(file.is_file() for file in job.result().files)
    except HeadstartError:
        return True  # nothing was made, and the person decides whether to try again


def answer_export(request: Message) -> Message:
    """Do what `export_later` asks for."""
    target = Path(request["target"])
    target.parent.mkdir(parents=True, exist_ok=True)
    made = export(Workspace(Path(request["workspace"])), request["model"], request["kind"], target)
    return {"files": [str(file) for file in made.files], "said": made.said}


def _bundle(_workspace: Workspace, _model: str, bundle: Path, target: Path) -> Exported:
    manifest = check_whole(bundle)
    require_space(target.parent, bundle.stat().st_size)
    with bundle.open("rb") as source, replacing(target) as file:
        shutil.copyfileobj(source, file)
    return Exported(
        (target,),
        f"It tells {len(manifest.classes)} classes apart; whoever has Headstart opens it on the "
        "Predict page or with predict --model.",
    )


def _onnx(workspace: Workspace, name: str, bundle: Path, target: Path) -> Exported:
    from tl_core.bundles.onnx_file import export_onnx
    from tl_core.bundles.predict import Model

    model = Model(bundle)
    pixels = _samples(workspace, name, model)
    difference = export_onnx(model, target, pixels)
    return Exported(
        (target,),
        f"onnxruntime gave the same answers with it on {len(pixels)} pictures (largest difference "
        f"{difference:.0e} of a share).",
    )


def _script(workspace: Workspace, name: str, bundle: Path, target: Path) -> Exported:
    predicting = target.with_name(f"{target.stem}_predict.py")
    manifest = read_manifest(bundle)
    try:
        run = open_store(workspace).run(name)
    except UserError:
        write_atomic(target, predicting_script(manifest).encode())
        return Exported(
            (target,),
            "It predicts with the bundle; what trains again needs the run itself and its pictures.",
        )
    start = _starting_weights(run.config, run.facts, target)
    text = run_script(workspace, run, manifest, start.name if start else "")
    write_atomic(target, text.encode())
    write_atomic(predicting, predicting_script(manifest).encode())
    files = (target, predicting, *([start] if start else []))
    return Exported(
        files,
        f"{target.name} trains again from a folder with the same photos, {predicting.name} "
        "predicts; they need torch, torchvision and pillow, and nothing of Headstart.",
    )


def run_script(workspace: Workspace, run: Run, manifest: Manifest, starts_from: str = "") -> str:
    """Return the script that trains a run again, without writing anything.

    Args:
        workspace: of the run.
        run: one that has a model.
        manifest: of its bundle.
        starts_from: name of the file with the weights to start from, where it needs one.

    Raises:
        UserError: the run's pictures are no longer here, so that nothing tells its split.
    """
    known = {field.name for field in fields(Phase)}
    recipe = Recipe(
        phases=[
            Phase(**{key: value for key, value in told.items() if key in known})
            for told in run.facts["phases"]
        ],
        seed=run.config.seed,
        items=find_dataset(workspace, run.config.dataset).items,
        starts_from=starts_from,
        from_scratch=run.facts["recipe"] == "scratch",
    )
    return training_script(manifest, recipe)


def _starting_weights(config: RunConfig, facts: Mapping[str, Any], target: Path) -> Path | None:
    """Write the weights that a script cannot get from torchvision beside it."""
    card = find_card(config.backbone)
    if facts["recipe"] == "scratch" or card.weights is None:
        return None
    if config.weights is None and card.weights.is_torchvisions:
        return None
    from safetensors.torch import save

    from tl_core.backbones.weights import find_weights, read_weights

    file = Path(config.weights) if config.weights else find_weights(card)
    beside = target.with_name(f"{target.stem}_start.safetensors")
    write_atomic(beside, save(read_weights(file, card)))
    return beside


KINDS: dict[str, Callable[[Workspace, str, Path, Path], Exported]] = {
    "bundle": _bundle,
    "onnx": _onnx,
    "script": _script,
}


def _samples(workspace: Workspace, name: str, model: Model) -> NDArray[np.uint8]:
    """Return pictures of the run that can still be opened, or drawn ones where there are none."""
    import numpy as np
    from PIL import Image

    from tl_core.errors import UnreadableImageError

    try:
        dataset = find_dataset(workspace, open_store(workspace).run(name).config.dataset)
        held = [dataset.path(item) for item in (*dataset.of("validation"), *dataset.of("train"))]
    except UserError:  # a bundle from elsewhere, or the pictures were deleted
        held = []
    found = []
    for path in held[:SAMPLES]:
        with suppress(UnreadableImageError):
            found.append(model.prepare(path))
    if not found:
        dice = np.random.default_rng(0)
        rough = dice.integers(0, 256, (SAMPLES, 6, 6, 3), np.uint8)
        found = [model.prepare(Image.fromarray(one).resize((320, 240))) for one in rough]
    return np.stack(found)
