"""The models that the predictor process holds, read anew when their file changes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tl_core.bundles.predict import Model
from tl_core.errors import UserError


def loaded_model(path: Path) -> Model:
    """Return the model in a bundle as it is now.

    Raises:
        UserError: it is gone, or no bundle.
    """
    if not path.is_file():
        raise UserError(f"The model {path.name} is gone; train the run again.")
    return _model(str(path), path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _model(path: str, _changed: int) -> Model:
    return Model(Path(path))
