"""What an import leaves out is told, each reason once."""

from __future__ import annotations

import pytest

from tl_core.data.dataset import Skipped
from tl_core.data.finding import summed_up
from tl_core.data.left_out import check_left_out, check_unused


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("in a test folder that says no classes", "2 pictures were left out: in a test folder"),
        ("a mask, by its name or its folder's", "2 pictures were left out: a mask"),
        ("not in labels.csv", "2 pictures were left out: not in labels.csv"),
        ("named in labels.csv and not there", "2 rows were left out: named in labels.csv"),
        ("its split 'B' in labels.csv is not known", "2 pictures were left out: its split 'B'"),
    ],
)
def test_a_reason_is_one_finding(reason, said):
    found = check_left_out([Skipped("b/1.jpg", reason), Skipped("b/2.jpg", reason)])
    assert [one.kind for one in found] == ["left-out"]
    assert found[0].why.startswith(said)
    assert "'b/1.jpg'" in found[0].why
    assert found[0].names == ("b/1.jpg", "b/2.jpg")
    assert summed_up(found) == [f"Found  Reasons why pictures were left out: {found[0].why}"]


def test_other_files_are_no_finding():
    skipped = [Skipped("notes.txt", "not a picture"), Skipped("x.zip", "an archive, and those")]
    assert check_left_out(skipped) == []


def test_many_names_are_not_all_kept():
    skipped = [Skipped(f"{n}.jpg", "not in labels.csv") for n in range(1000)]
    [found] = check_left_out(skipped)
    assert found.why.startswith("1,000 pictures")
    assert len(found.names) == 50


def test_what_was_not_used_is_a_finding():
    reading = "labels from column 'a' of t.csv; not used: 'fold', 'site'; tables not used: 'u.csv'"
    [found] = check_unused(reading)
    assert (found.kind, found.severity) == ("unused", "note")
    assert found.why.endswith(": 'fold', 'site', 'u.csv'.")
    assert check_unused("classes by the folders") == []
