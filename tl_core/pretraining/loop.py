"""The loop of pre-training: for each epoch, for each batch: vary, learn, average; then measure."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tl_core.backbones.card import Preprocessing
from tl_core.backbones.catalog import find_card
from tl_core.backbones.weights import read_weights
from tl_core.data.augment import augment, normalise, to_input
from tl_core.errors import UserError
from tl_core.pretraining.collection import Collection, Examples
from tl_core.pretraining.progress import Clock, EpochDone, Progress
from tl_core.pretraining.settings import Settings
from tl_core.pretraining.student import Student, lesson
from tl_core.pretraining.teacher import Answers, fingerprint
from tl_core.training.checkpoint import (
    Checkpoint,
    optimizer_tensors,
    read_checkpoint,
    restore_optimizer,
    write_checkpoint,
)
from tl_core.training.device import Device
from tl_core.training.loop import batch_count
from tl_core.training.schedule import parameter_groups, rate, set_rate

_WEIGHT_DECAY = 0.05
_SAVE_SECONDS = 120.0


class Run:
    """One pre-training run, as it goes on from its checkpoint.

    Args:
        settings: of the run.
        collection: to learn from.
        answers: the teacher's to the training pictures, or `None`.
        device: to train on.
        checkpoint: file of the state; written every two minutes.
        start: a weights file to begin with instead of random weights.

    Raises:
        UserError: `start` is of another network, or the checkpoint of another run.
    """

    def __init__(
        self,
        settings: Settings,
        collection: Collection,
        answers: Answers | None,
        device: Device,
        checkpoint: Path,
        start: Path | None = None,
    ) -> None:
        self.settings, self.collection, self.answers = settings, collection, answers
        self.device, self.path = device, checkpoint
        self.start, card = start, find_card(settings.backbone)
        self.preprocessing = card.preprocessing
        self.student = Student(
            settings.backbone,
            len(collection.classes),
            answers.logits.shape[1] if answers else 0,
            answers.features.shape[1] if answers else 0,
            settings.seed,
            read_weights(start, card) if start is not None else None,
        ).to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
        learning = [p for p in self.student.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(parameter_groups(learning, settings.lr, _WEIGHT_DECAY))
        self.step = 0
        self.sums = [0.0, 0.0]
        self.epochs: list[EpochDone] = []
        self._resume()

    @property
    def steps_per_epoch(self) -> int:
        """Steps of each epoch."""
        return batch_count(len(self.collection.train.labels), self.settings.batch_size)

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.settings.epochs * self.steps_per_epoch

    def train(self) -> Iterator[EpochDone | Progress]:
        """Train to the end, saying after each step how far it is and after each epoch how good.

        Raises:
            UserError: the loss is no longer a number, or the disk is full.
        """
        clock = Clock(self.settings, self.steps_per_epoch, self.step)
        saved = time.monotonic()
        while self.step < self.steps:
            epoch = self.step // self.steps_per_epoch
            order = _order(len(self.collection.train.labels), self.settings.seed, epoch)
            batches = order.tensor_split(self.steps_per_epoch)
            for indices in batches[self.step % self.steps_per_epoch :]:
                self._learn(indices, epoch)
                self.step += 1
                yield clock.progress(self.step)
                within = self.step % self.steps_per_epoch > 0  # else the epoch's figures come first
                if within and time.monotonic() - saved > _SAVE_SECONDS:
                    self.save()
                    saved = time.monotonic()
            yield self._end_epoch(epoch)
            self.save()

    def save(self) -> None:
        """Write the checkpoint.

        Raises:
            UserError: the disk is full.
        """
        tensors = dict(self.student.state_dict())
        tensors |= optimizer_tensors(self.optimizer)
        facts = self._identity() | {
            "step": self.step,
            "sums": self.sums,
            "epochs": [asdict(epoch) for epoch in self.epochs],
        }
        write_checkpoint(self.path, Checkpoint(tensors, facts))

    def _resume(self) -> None:
        found = read_checkpoint(self.path)
        if found is None:
            return
        if any(found.facts.get(key) != value for key, value in self._identity().items()):
            raise UserError(
                f"The checkpoint {self.path} is of a run with other settings or other pictures; "
                "use those again, or delete it to start anew."
            )
        own = self.student.state_dict()
        self.student.load_state_dict({name: found.tensors[name] for name in own})
        restore_optimizer(self.optimizer, found.tensors)
        self.step, self.sums = found.facts["step"], found.facts["sums"]
        self.epochs = [EpochDone(**epoch) for epoch in found.facts["epochs"]]

    def _identity(self) -> dict[str, Any]:
        return {
            "settings": self.settings.to_dict(),
            "pictures": self.collection.train.key,
            "teacher": self.answers.key if self.answers else None,
            "start": fingerprint(self.start) if self.start else None,
        }

    def _learn(self, indices: Tensor, epoch: int) -> None:
        size = self.settings.size_at(epoch)
        train, rows = self.collection.train, indices.numpy()
        pixels = torch.from_numpy(train.pixels[rows]).to(self.device.torch)
        varied = augment(
            pixels,
            indices,
            epoch=epoch,
            seed=self.settings.seed,
            strength=self.settings.augment,
            size=size,
        )
        x = normalise(varied, self.preprocessing.mean, self.preprocessing.std)
        labels = torch.from_numpy(train.labels[rows]).to(self.device.torch)
        logits, features = self._answers(rows)
        set_rate(self.optimizer, rate("cosine", self.step, self.steps))
        self.student.train()
        with self.device.autocast():
            answers = self.student(x)
        loss, of_classes = lesson(answers, labels, logits, features)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.student.follow(self.step)
        self.sums = [self.sums[0] + float(loss.detach()), self.sums[1] + float(of_classes)]
        if not math.isfinite(self.sums[0]):
            raise UserError(
                f"Pre-training stopped in epoch {epoch + 1} because the loss was no longer a "
                f"number; delete {self.path} and start again with a smaller --lr, for example "
                f"{self.settings.lr / 4:g}."
            )

    def _answers(self, rows: Any) -> tuple[Tensor | None, Tensor | None]:
        if self.answers is None:
            return None, None
        logits = torch.from_numpy(self.answers.logits[rows]).to(self.device.torch)
        features = torch.from_numpy(self.answers.features[rows] - self.answers.mean)
        return logits, features.to(self.device.torch)

    def _end_epoch(self, epoch: int) -> EpochDone:
        loss, of_classes = (value / self.steps_per_epoch for value in self.sums)
        accuracy = accuracy_of(
            self.student, self.collection.validation, self.preprocessing, self.device
        )
        done = EpochDone(epoch + 1, self.settings.size_at(epoch), loss, of_classes, accuracy)
        self.epochs.append(done)
        self.sums = [0.0, 0.0]
        return done


@torch.inference_mode()
def accuracy_of(
    student: Student, examples: Examples, preprocessing: Preprocessing, device: Device
) -> float | None:
    """Return the averaged weights' share of right answers, or `None` without examples."""
    if not len(examples.labels):
        return None
    student.average.eval()
    hits = 0
    for start in range(0, len(examples.labels), 128):
        pixels = torch.from_numpy(np.array(examples.pixels[start : start + 128]))
        x = to_input(pixels.to(device.torch), preprocessing.mean, preprocessing.std)
        with device.autocast():
            best = student.average(x).argmax(1).cpu()
        hits += int((best.numpy() == examples.labels[start : start + 128]).sum())
    return hits / len(examples.labels)


def _order(count: int, seed: int, epoch: int) -> Tensor:
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    return torch.randperm(count, generator=generator)
