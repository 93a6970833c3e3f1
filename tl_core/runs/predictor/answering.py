"""What the predictor process does when it is asked: requests and answers are messages.

A request names what to `do` and what with. An answer holds what was made, or `error`: one sentence.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tl_core.backbones.card import Preprocessing
from tl_core.data.varied import varied
from tl_core.errors import UnreadableImageError, UserError
from tl_core.faults import as_sentence, is_memory_refused
from tl_core.log import get_log
from tl_core.runs.exporting import answer_export
from tl_core.runs.predictor import explaining, looking
from tl_core.runs.predictor.explaining import Act, Tell
from tl_core.runs.predictor.loaded import loaded_model
from tl_core.runs.predictor.wire import Message


def answer(request: Message, tell: Tell) -> Message:
    """Answer one request; whatever goes wrong becomes a sentence.

    Args:
        request: `do`, a name in `ACTS`, and what that act reads.
        tell: receives parts done and parts in all, while it lasts.
    """
    try:
        return ACTS[request["do"]](request, tell)
    except UserError as error:
        return {"error": str(error)}
    except Exception as error:
        if is_memory_refused(error):
            return {
                "error": "This model needs more memory than may be taken here; close other "
                "programs, or use a smaller backbone."
            }
        if (told := as_sentence(error)) is not None:
            return {"error": str(told)}
        get_log().exception("answering")
        return {"error": "This failed on our side; the file predictor.log says more."}


def _predict(request: Message, tell: Tell) -> Message:  # noqa: ARG001
    outcomes = loaded_model(Path(request["model"])).predict(
        Path(picture) for picture in request["pictures"]
    )
    return {"predictions": [_plain(outcome) for outcome in outcomes]}


def _plain(outcome: Any) -> dict[str, Any]:
    if isinstance(outcome, UnreadableImageError):
        return {"reason": str(outcome)}
    return {"probabilities": outcome.probabilities, "doubts": outcome.doubts}


def _vary(request: Message, tell: Tell) -> Message:  # noqa: ARG001
    preprocessing = Preprocessing(**request["preprocessing"])
    files = varied(Path(request["picture"]), preprocessing, request["strength"], request["count"])
    return {"views": [base64.b64encode(file).decode() for file in files]}


def _export(request: Message, tell: Tell) -> Message:  # noqa: ARG001
    return answer_export(request)


ACTS: Mapping[str, Act] = {
    "predict": _predict,
    "vary": _vary,
    "export": _export,
    **explaining.ACTS,
    **looking.ACTS,
}
