"""Who comes next."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tl_core.config import RunConfig
from tl_core.runs.run import Run
from tl_core.runs.waiting import Outlook, expected, in_line, outlook

CONFIG = RunConfig("dataset", "small")


def waiting(*owners: str, state: str = "queued") -> list[Run]:
    return [Run(str(n), owner, float(n), state, CONFIG) for n, owner in enumerate(owners)]  # type: ignore[arg-type]


def ids(runs: list[Run]) -> str:
    return "".join(run.id for run in runs)


def test_owners_take_turns_each_with_the_oldest_run() -> None:
    runs = waiting("a", "a", "a", "b", "b", "c")
    assert ids(in_line(runs, {})) == "035142"
    assert ids(in_line(runs[::-1], {})) == "035142", "however they are listed"


def test_whoever_was_served_longest_ago_comes_first() -> None:
    runs = waiting("a", "a", "b", "c")
    assert ids(in_line(runs, {"a": 10.0, "b": 5.0})) == "3201"
    assert ids(in_line(runs, {"a": 1.0, "b": 5.0, "c": 9.0})) == "0231"


def test_interrupted_runs_go_on_first() -> None:
    runs = waiting("a", "b")
    held = Run("x", "a", 99.0, "interrupted", CONFIG)
    assert ids(in_line([*runs, held], {"a": 50.0})) == "x10"


@given(
    st.lists(st.sampled_from("abcd"), max_size=12),
    st.dictionaries(st.sampled_from("abcd"), st.floats(0, 100)),
)
def test_nobody_is_passed_over(owners: list[str], served: dict[str, float]) -> None:
    line = in_line(waiting(*owners), served)
    assert Counter(run.id for run in line) == Counter(str(n) for n in range(len(owners)))
    for owner in set(owners):
        own = [run.created for run in line if run.owner == owner]
        assert own == sorted(own)
    count = Counter(owners)
    turns = [Counter(run.owner for run in line[:n]) for n in range(len(line) + 1)]
    for now in turns:  # nobody is two turns ahead of somebody who waits
        waits = [now[owner] for owner in count if now[owner] < count[owner]]
        assert not waits or max(now.values(), default=0) - min(waits) <= 1


def took(seconds: float, **config: object) -> Run:
    return Run("f", "a", 0.0, "finished", CONFIG.with_(**config), facts={"seconds": seconds})


def test_a_run_takes_as_long_as_those_most_like_it() -> None:
    run = waiting("a")[0]
    other = [took(500.0, backbone="vgg16"), Run("x", "a", 0.0, "finished", CONFIG)]
    assert expected(run, []) is None
    assert expected(run, other) == (250.0, 750.0)
    assert expected(run, [*other, took(20.0, dataset="another")]) == (10.0, 30.0)
    alike = [*other, took(10.0), took(8.0), took(90.0, recipe="scratch")]
    assert expected(run, alike) == (4.0, 15.0)


def test_the_turn_comes_after_all_that_come_before() -> None:
    line, running = waiting("a", "b", "c"), Run("r", "d", 0.0, "running", CONFIG)
    finished = [took(10.0)]

    def see(run: Run, left: object = (1.0, 3.0)) -> Outlook:
        return outlook(run, [running], line, finished, lambda _: left)  # type: ignore[arg-type,return-value]

    assert see(line[0]) == Outlook(1, 1.0, 3.0)
    assert see(line[2]) == Outlook(3, 11.0, 33.0)
    assert see(line[0], None) == Outlook(1, 5.0, 15.0), "it has just begun"
    assert outlook(line[1], [], line, [], lambda _: None) == Outlook(2)
    assert outlook(line[0], [], line, [], lambda _: None) == Outlook(1, 0, 0)


@pytest.mark.parametrize(("mine", "theirs", "place"), [
    ("cpu", "cpu", 2), ("cpu", "auto", 2), ("auto", "cuda", 2), ("cpu", "cuda", 1),
])  # fmt: skip
def test_only_those_before_the_same_worker_count(mine: str, theirs: str, place: int) -> None:
    first, run = waiting("a", "b")
    line = [
        Run(first.id, "a", 0.0, "queued", CONFIG.with_(device=theirs)),
        Run(run.id, "b", 1.0, "queued", CONFIG.with_(device=mine)),
    ]
    assert outlook(line[1], [], line, [took(1.0)], lambda _: None).place == place
