"""Numbers as people say them."""

from __future__ import annotations

import pytest

from tl_core import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "1 second"), (1.4, "1 second"), (59, "59 seconds"), (60, "1 minute"),
        (89, "1 minute"), (91, "2 minutes"), (3599, "1 hour"), (7200, "2 hours"),
        (7260, "2 hours 1 minute"),
    ],
)  # fmt: skip
def test_durations_as_people_say_them(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "1 kB"), (1000, "1 kB"), (1001, "2 kB"), (10**6, "1.0 MB"), (10**7, "10 MB"),
     (999_999_999, "1,000 MB"), (10**9, "1.0 GB"), (5 * 10**12, "5,000 GB")],
)  # fmt: skip
def test_sizes_as_people_say_them(number: int, said: str) -> None:
    assert words.size(number) == said
