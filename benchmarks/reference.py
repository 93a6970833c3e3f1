"""The ordinary way to do transfer learning, which our own is measured against.

What the PyTorch tutorial "Transfer Learning for Computer Vision" does, written anew: ImageFolder,
a DataLoader with workers, torchvision's transforms, its network with the given weights and a new
last layer, `requires_grad=False` on what is frozen, SGD with momentum (or Adam, as many write it,
at one rate throughout), and the whole network forward for every picture in every epoch, in
training and in validation. Nothing of the app is imported here. As in the tutorial `model.train()`
also lets the BatchNorm of frozen layers adapt, and the best epoch by validation accuracy counts.
Two things are kinder than there: the loader's workers live on between epochs, and crops are as
large as the app's own ("light": 60 to 100 %).

`python benchmarks/reference.py --data FOLDER --weights FILE` prints how long ten epochs take.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor, nn, optim
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLASSES = 2


@dataclass(frozen=True)
class Outcome:
    """How long it took, from nothing to the trained network, and how good that is."""

    seconds: float
    accuracy: float


def train(
    data: str,
    weights: str | None,
    *,
    network: str = "mobilenet_v2",
    learning: Sequence[str] | None = (),
    augment: str = "none",
    epochs: int = 10,
    batch: int = 32,
    lr: float = 1e-3,
    optimizer: str = "sgd",
    seed: int = 0,
    workers: int = 2,
) -> Outcome:
    """Train the ordinary way.

    Args:
        data: folder with `train` and `val`, each with a folder for every class.
        weights: a `.safetensors` file in torchvision's layout; `None` for random weights.
        network: torchvision's name.
        learning: beginnings of the names of parameters that learn besides the new layer; `None`
            for all.
        augment: "none" for evaluation transforms, "light" for crops and flips.
        epochs: times round.
        batch: pictures per step.
        lr: learning rate.
        optimizer: "sgd" with momentum and steps down, as the tutorial has it, or "adam".
        seed: of everything random.
        workers: of each loader.
    """
    began = time.perf_counter()
    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaders = {
        split: DataLoader(
            datasets.ImageFolder(str(Path(data) / split), transform),
            batch_size=batch,
            shuffle=split == "train",
            num_workers=workers,
            persistent_workers=workers > 0,
        )
        for split, transform in (("train", _transform(augment)), ("val", _transform("none")))
    }
    model = build(network, weights, learning).to(device)
    learnable = [p for p in model.parameters() if p.requires_grad]
    if optimizer == "sgd":
        stepper: optim.Optimizer = optim.SGD(learnable, lr, momentum=0.9)
        scheduler = optim.lr_scheduler.StepLR(stepper, step_size=7, gamma=0.1)
    else:
        stepper, scheduler = optim.Adam(learnable, lr), None
    criterion = nn.CrossEntropyLoss()
    best, kept = 0.0, copy.deepcopy(model.state_dict())
    for _ in range(epochs):
        for split, loader in loaders.items():
            model.train(split == "train")
            hits = 0
            for inputs, labels in loader:
                inputs, labels = inputs.to(device), labels.to(device)
                stepper.zero_grad()
                with torch.set_grad_enabled(split == "train"):
                    outputs = model(inputs)
                    loss = criterion(outputs, labels)
                    if split == "train":
                        loss.backward()
                        stepper.step()
                hits += int((outputs.argmax(1) == labels).sum())
            if split == "train" and scheduler:
                scheduler.step()
        accuracy = hits / len(loaders["val"].dataset)  # type: ignore[arg-type]
        if accuracy > best:
            best, kept = accuracy, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return Outcome(time.perf_counter() - began, best)


def build(network: str, weights: str | None, learning: Sequence[str] | None) -> nn.Module:
    """Return torchvision's network with a new last layer; what does not learn is frozen."""
    model: nn.Module = torchvision.models.get_model(network, weights=None)
    if weights is not None:
        model.load_state_dict(load_file(weights))
    if learning is not None:
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name.startswith(tuple(learning))
    name, last = [
        pair for pair in model.named_modules() if isinstance(pair[1], nn.Linear | nn.Conv2d)
    ][-1]
    assert isinstance(last, nn.Linear), "a network that ends in a dense layer"
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, nn.Linear(last.in_features, CLASSES))
    return model


def one_pass(data: str, weights: str | None, *, network: str = "mobilenet_v2") -> float:
    """Return the seconds of one forward pass over all pictures, decoded already, 32 at a time."""
    sets = [datasets.ImageFolder(str(Path(data) / s), _transform("none")) for s in ("train", "val")]
    batches = torch.stack([picture for each in sets for picture, _ in each]).split(32)
    model = build(network, weights, ()).eval()
    _forward(model, batches[:1])
    began = time.perf_counter()
    _forward(model, batches)
    return time.perf_counter() - began


@torch.no_grad()
def _forward(model: nn.Module, batches: Sequence[Tensor]) -> None:
    for batch in batches:
        model(batch)


def _transform(augment: str) -> transforms.Compose:
    varied = [
        transforms.RandomResizedCrop(224, scale=(0.6, 1.0)),
        transforms.RandomHorizontalFlip(),
    ]
    plain = [transforms.Resize(256), transforms.CenterCrop(224)]
    ends = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    return transforms.Compose((varied if augment == "light" else plain) + ends)


def main() -> None:
    """Train once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--network", default="mobilenet_v2")
    parser.add_argument("--learning", nargs="*", default=[], help="features.17 features.18, say")
    parser.add_argument("--augment", default="none", choices=("none", "light"))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--optimizer", default="sgd", choices=("sgd", "adam"))
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    print(train(**vars(args)))


if __name__ == "__main__":
    main()
