"""Who comes next."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tl_core.config import RunConfig
from tl_core.runs.run import Run
from tl_core.runs.waiting import in_line

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
