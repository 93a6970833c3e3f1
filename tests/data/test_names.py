"""Names that are probably one, found without comparing all with all."""

from __future__ import annotations

import random
import time
from itertools import combinations

from tl_core.data import names
from tl_core.data.names import lookalikes


def test_the_same_pairs_as_all_with_all(monkeypatch):
    monkeypatch.setattr(names, "_MOST", 10_000)
    r = random.Random(0)
    for _ in range(40):
        found = {"".join(r.choices("abcde1", k=r.randint(5, 8))) for _ in range(40)}
        for name in sorted(found)[:20]:
            at = r.randrange(len(name))
            found |= {name[:at] + name[at + 1 :], name.upper(), name[:at] + "x" + name[at:]}
        classes = sorted(found)
        plain = [names._plain(name) for name in classes]
        expected = [
            (a, b, said)
            for a, b in combinations(range(len(classes)), 2)
            if (said := names._difference(plain[a], plain[b]))
        ]
        assert lookalikes(classes) == expected


def test_twenty_thousand_classes_take_a_moment():
    numbered = [f"class {n:05}" for n in range(20_000)]
    one_letter = ["aaaaaaa" + chr(0x4E00 + n) for n in range(20_000)]
    start = time.perf_counter()
    assert lookalikes(numbered) == []
    assert len(lookalikes(one_letter)) == names._MOST
    assert time.perf_counter() - start < 10, "all with all took minutes"
