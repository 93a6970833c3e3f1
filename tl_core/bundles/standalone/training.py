"""The training script that a run can be exported as."""

from __future__ import annotations

import argparse
import copy
import hashlib
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchvision.models import get_weight
from torchvision.transforms import v2

from tl_core.backbones.chain import FixedStatistics
from tl_core.backbones.families.resnet import assemble, build
from tl_core.bundles.standalone.network import Chain, read_weights, rename
from tl_core.bundles.standalone.pictures import normalised, open_picture
from tl_core.bundles.standalone.settings import (
    BACKBONE,
    CLASSES,
    PHASES,
    PICTURES,
    PREPROCESSING,
    PUBLISHED,
    SEED,
    STARTS_FROM,
)
from tl_core.training.loop import batch_count
from tl_core.training.phases import Phase
from tl_core.training.schedule import build_optimizer, rate, set_rate
from tl_core.training.standardise import (
    Scale,
    begin_solved,
    scale_of,
    spread_out,
    to_raw,
    to_standardised,
)

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
TILE = 16  # pictures that pass through the network at once while nothing learns

Inputs = Callable[[Tensor], Tensor]
"""From the numbers of some pictures to what a network, or its tail, sees of them."""


@dataclass
class Pictures:
    """Pictures of one split: uint8 pixels (N, S, S, 3) in memory, and class numbers (N,)."""

    pixels: Tensor
    labels: Tensor


@dataclass
class Best:
    """The best epoch so far: higher validation accuracy, then lower validation loss."""

    rank: tuple[float, float] = (-1.0, 0.0)
    epoch: int = 0


def main() -> None:
    """Train as the run did and save the best epoch."""
    parser = argparse.ArgumentParser(description="Train again what was trained in Headstart.")
    parser.add_argument("photos", type=Path, help="the folder with the photos, in any order")
    parser.add_argument("--save", type=Path, default=Path("model.pt"), help="where the result goes")
    options = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a code page may lack letters of the folder
        sys.stdout.reconfigure(errors="backslashreplace")
    splits = find_pictures(options.photos)
    chain = starting_network().to(DEVICE)
    best = Best()
    epochs = 0
    for index, phase in enumerate(PHASES):
        print(f"Phase {index + 1}: {phase.name}, at most {phase.epochs} epochs")  # noqa: T201
        epochs = train_phase(chain, phase, index, splits, best, epochs)
    for split, pictures in splits.items():
        batch = inputs(nn.Sequential(), pictures, "none")
        loss, accuracy = measure(chain, batch, pictures.labels)
        print(f"{split}: {accuracy:.1%} of {len(pictures.labels)} pictures right, loss {loss:.3f}")  # noqa: T201
    torch.save(chain.state_dict(), options.save)
    print(f"Saved epoch {best.epoch} as {options.save}")  # noqa: T201


def find_pictures(folder: Path) -> dict[str, Pictures]:
    """Find the run's pictures by their content, and put each into the split that it was in."""
    wanted = [line.split() for line in PICTURES.splitlines() if line]
    digits = len(wanted[0][2])
    paths = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            paths[hashlib.sha256(path.read_bytes()).hexdigest()[:digits]] = path
    found: dict[str, tuple[list[Tensor], list[int]]] = {}
    missing = 0
    for split, label, *names in wanted:
        pixels, labels = found.setdefault(split, ([], []))
        there = [paths[name] for name in names if name in paths]
        missing += len(names) - len(there)
        pixels += map(open_picture, there)
        labels += [int(label)] * len(there)
    if not all(found.get(split, ([], []))[0] for split in ("train", "validation")):
        raise SystemExit(f"The photos of the run are not in {folder}; name the folder with them.")
    if missing:
        print(f"{missing} pictures of the run are not in {folder}; it trains without them.")  # noqa: T201
    return {
        split: Pictures(torch.stack(pixels).to(DEVICE), torch.tensor(labels, device=DEVICE))
        for split, (pixels, labels) in found.items()
        if pixels
    }


def starting_network() -> Chain:
    """Build the network with the weights that training starts from, and a new head."""
    torch.manual_seed(SEED)
    network = build(BACKBONE)
    if PUBLISHED or STARTS_FROM:
        if STARTS_FROM:
            state = read_weights(Path(__file__).with_name(STARTS_FROM))
        else:
            state = get_weight(PUBLISHED).get_state_dict(progress=True, check_hash=True)
        known = network.state_dict()
        given = {rename(name): tensor for name, tensor in state.items()}
        known.update({n: t for n, t in given.items() if n in known and t.shape == known[n].shape})
        network.load_state_dict(known)
        torch.manual_seed(SEED)
    chain: Chain = assemble(network, len(CLASSES))  # type: ignore[assignment]
    return chain


def train_phase(
    chain: Chain,
    phase: Phase,
    index: int,
    splits: dict[str, Pictures],
    best: Best,
    epochs_before: int,
) -> int:
    """Train what lies after the cut; return how many epochs there have been in all."""
    body, tail = chain.body(phase.cut), chain.tail(phase.cut)
    if phase.fixed_statistics:
        tail = FixedStatistics.of(tail)
    train = inputs(body, splits["train"], phase.augment)
    validation = inputs(body, splits["validation"], "none")
    scale, linear = None, cast("nn.Linear", chain.head.linear)
    if phase.cut == len(chain.stages):
        # A head alone learns on centred and scaled features, so that one learning rate suits every
        # backbone; in the end it is taken back to the features as they are.
        features = through(body, splits["train"]).double()
        scale = scale_of(features.mean(0), features.square().mean(0))
        to_standardised(linear, scale)
        train, validation = standardised(train, scale), standardised(validation, scale)
        if phase.solve:
            chosen = spread_out(splits["train"].labels)
            values = ((features - scale.mean) / scale.spread)[chosen].cpu()
            begin_solved(linear, values, splits["train"].labels[chosen].cpu())

    state = copy.deepcopy(tail.state_dict())
    best_here, stale, epoch = (-1.0, 0.0), 0, 0
    optimizer = build_optimizer(tail, phase, fused=False)
    count = len(splits["train"].labels)
    batches = batch_count(count, phase.batch_size)
    while epoch < phase.epochs and stale < phase.patience:
        torch.manual_seed((SEED * 1_000_003 + index * 10_007 + epoch) % 2**63)
        order = torch.randperm(count).to(DEVICE).tensor_split(batches)
        tail.train()
        for step, k in enumerate(order, epoch * batches):
            set_rate(optimizer, rate(phase.schedule, step, phase.epochs * batches))
            loss = cross_entropy(tail(train(k)), splits["train"].labels[k])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        measured, accuracy = measure(tail, validation, splits["validation"].labels)
        epoch += 1
        print(f"epoch {epochs_before + epoch}: loss {measured:.3f}, accuracy {accuracy:.1%}")  # noqa: T201
        rank = (accuracy, -measured)
        stale = 0 if rank > best_here else stale + 1
        best_here = max(best_here, rank)
        if rank > best.rank:
            best.rank, best.epoch = rank, epochs_before + epoch
            state = copy.deepcopy(tail.state_dict())
    tail.load_state_dict(state)
    if scale is not None:
        to_raw(linear, scale)
    return epochs_before + epoch


def inputs(body: nn.Sequential, pictures: Pictures, augment: str) -> Inputs:
    """Return what the tail sees of pictures.

    Where pictures are not varied, frozen stages make the same of them in every epoch: what they
    hand over is computed once, where it is as small as a row of numbers for each picture.
    """
    vary = variation(augment)
    if vary is None:
        example = through(body, Pictures(pictures.pixels[:1], pictures.labels[:1]))
        if example.ndim == 2:
            kept = through(body, pictures)
            return lambda k: kept[k]

    @torch.no_grad()
    def computed(k: Tensor) -> Tensor:
        made: Tensor = body(seen(pictures.pixels[k], vary))
        return made

    return computed


def variation(augment: str) -> Callable[[Tensor], Tensor] | None:
    """Return what varies a training picture.

    Close to what Headstart does, and not the same: it computes mirror, crop and turn as one
    movement, and draws each picture's variation from the seed, the epoch and the picture's number.
    """
    if augment == "none":
        return None
    smallest = 0.6 if augment == "light" else 0.25
    steps: list[Any] = [
        v2.RandomResizedCrop(PREPROCESSING.size, (smallest, 1.0), (0.8, 1.25)),
        v2.RandomHorizontalFlip(),
    ]
    if augment == "strong":
        steps += [v2.RandomRotation(15), v2.ColorJitter(0.3, 0.3, 0.3)]
    varied: Callable[[Tensor], Tensor] = v2.Compose(steps)
    return varied


def seen(pixels: Tensor, vary: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Return what the network sees of pictures (N, S, S, 3)."""
    if vary is not None:
        varied = [vary(picture.permute(2, 0, 1)) for picture in pixels]
        pixels = torch.stack(varied).permute(0, 2, 3, 1)
    return normalised(pixels)


@torch.no_grad()
def through(network: nn.Module, pictures: Pictures) -> Tensor:
    """Pass all pictures through a network in evaluation mode."""
    network.eval()
    tiles = torch.split(pictures.pixels, TILE)
    return torch.cat([network(seen(tile)) for tile in tiles])


def standardised(batch: Inputs, scale: Scale) -> Inputs:
    """Return inputs that are centred and scaled."""
    return lambda k: (batch(k) - scale.mean) / scale.spread


@torch.no_grad()
def measure(network: nn.Module, batch: Inputs, labels: Tensor) -> tuple[float, float]:
    """Return the mean loss and the share of right answers."""
    network.eval()
    tiles = torch.split(torch.arange(len(labels), device=labels.device), TILE)
    logits = torch.cat([network(batch(k)) for k in tiles])
    loss = cross_entropy(logits, labels)
    return float(loss), float((logits.argmax(1) == labels).float().mean())


if __name__ == "__main__":
    main()
