"""The process that predicts for pages: JSON lines in, JSON lines out.

Pages never import torch; they ask this process through `predicting.Predictor`. A request is
`{"model": path, "pictures": [path, …]}`; the answer carries `"predictions"` or `"error"`. One with
`"varied": path` is answered by `"views"`, the picture as training would vary it.
"""

from __future__ import annotations

import base64
import json
import logging
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from tl_core.backbones.card import Preprocessing
from tl_core.bundles.predict import Model
from tl_core.data.varied import varied
from tl_core.errors import UnreadableImageError, UserError

MOST_MEMORY = 12 << 30  # bytes of private memory, where the system can hold a process to it


@lru_cache(maxsize=2)
def _model(path: str, _changed: float) -> Model:
    return Model(Path(path))


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Answer one request; whatever goes wrong becomes a sentence."""
    try:
        if "varied" in request:
            return {"views": _views(request)}
        path = Path(request["model"])
        if not path.is_file():
            raise UserError(f"The model {path.name} is gone; train the run again.")
        model = _model(str(path), path.stat().st_mtime)
        outcomes = model.predict(Path(picture) for picture in request["pictures"])
        return {"predictions": [_plain(outcome) for outcome in outcomes]}
    except UserError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "This model needs more memory than a prediction may take here."}
    except Exception:
        logging.getLogger("headstart").exception("predicting")
        return {"error": "The prediction failed on our side; the terminal's log says more."}


def _views(request: dict[str, Any]) -> list[str]:
    files = varied(
        Path(request["varied"]),
        Preprocessing(**request["preprocessing"]),
        request["strength"],
        request["count"],
    )
    return [base64.b64encode(file).decode() for file in files]


def _plain(outcome: Any) -> dict[str, Any]:
    if isinstance(outcome, UnreadableImageError):
        return {"reason": str(outcome)}
    return {"class": outcome.best, "probabilities": outcome.probabilities}


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))


def main() -> None:
    """Answer until standard input ends, which it does when the page server does."""
    _limit_memory()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
