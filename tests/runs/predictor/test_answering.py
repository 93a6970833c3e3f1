"""Requests and answers: whatever goes wrong is one sentence."""

from __future__ import annotations

import pytest

from tl_core.errors import UserError
from tl_core.runs.predictor import answering
from tl_core.runs.predictor.answering import answer


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UserError("Not like this."), "Not like this."),
        (MemoryError(), "needs more memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "needs more memory"),
        (KeyError("secret"), "failed on our side"),
    ],
)
def test_an_error_becomes_a_sentence(
    monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    def fail(*_: object) -> dict:
        raise error

    monkeypatch.setattr(answering, "ACTS", {"fail": fail})
    said = answer({"do": "fail"}, lambda *_: None)
    assert set(said) == {"error"}
    assert sentence in said["error"]
    assert "secret" not in said["error"]


def test_what_is_no_request_is_answered() -> None:
    assert "error" in answer({}, lambda *_: None)
    assert "error" in answer({"do": "nothing like it"}, lambda *_: None)
