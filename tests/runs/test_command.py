"""The command that a receipt prints asks for the run that it is about."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from tl_core import cli
from tl_core.backbones.catalog import find_card
from tl_core.config import RunConfig
from tl_core.runs.command import PYTHON, commands_of, is_repeatable
from tl_core.runs.store import Run
from tl_core.training.phases import plan


def run_of(config: RunConfig, **facts: Any) -> Run:
    return Run("0123456789abcdef", "local", 0.0, "finished", config, facts=facts)


def parsed(command: str) -> Any:
    assert command.startswith(f"{PYTHON} ")
    return cli.build_parser().parse_args(shlex.split(command)[3:])


@pytest.mark.parametrize(
    ("backbone", "settings"),
    [
        ("mini", {}),
        ("mini", {"recipe": "gradual", "epochs": 9, "lr": 1e-4, "seed": 7, "batch_size": 3}),
        ("vgg16", {"recipe": "feature-extraction", "freeze": "5", "augment": "strong"}),
        ("vgg16", {"recipe": "feature-extraction"}),
        ("resnet18", {"recipe": "scratch", "cache": False}),
        ("resnet18", {"recipe": "fine-tune", "freeze": "none"}),
        ("resnet18", {"freeze": "all"}),
        ("resnet18", {"weights": "/home/it's my file.safetensors"}),
    ],
)
def test_the_same_plan_is_made_again(backbone: str, settings: dict[str, Any]) -> None:
    config, card = RunConfig("fedcba9876543210", backbone, **settings), find_card(backbone)
    todo = plan(config, card, 200, "cpu")
    facts = {"recipe": todo.recipe, "frozen_stages": list(card.stage_names[: todo.cut]),
             "device_kind": "cpu"}  # fmt: skip
    (command,) = commands_of(run_of(config, **facts))
    args = parsed(command)
    again = RunConfig(
        args.data, args.backbone, args.recipe, args.freeze, args.epochs, args.batch_size, args.lr,
        args.seed, args.augment, str(args.weights) if args.weights else None, args.device,
        args.cache,
    )  # fmt: skip
    made = plan(again, card, 200, "cpu")
    assert (made.recipe, made.cut, made.phases) == (todo.recipe, todo.cut, todo.phases)
    told = ("dataset", "seed", "weights", "cache")
    assert [getattr(again, name) for name in told] == [getattr(config, name) for name in told]
    assert again.device == "cpu", "where it was trained"


def test_what_was_asked_for_later_is_asked_for_again() -> None:
    commands = commands_of(run_of(RunConfig("d", "mini", more=(5, 7))))
    assert [parsed(command).command for command in commands] == ["train", "extend", "extend"]
    assert [parsed(command).epochs for command in commands[1:]] == [5, 7]


def test_a_part_of_a_study_is_not_made_by_itself() -> None:
    assert is_repeatable(run_of(RunConfig("d", "mini")))
    assert not is_repeatable(run_of(RunConfig("d", "mini", per_class=3)))
    assert not is_repeatable(run_of(RunConfig("d", "mini", work="probe")))
