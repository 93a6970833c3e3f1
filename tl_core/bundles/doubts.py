"""Why an answer is better not believed, in words. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Doubt = Literal["unsure", "strange"]
"""Its share is below the bundle's threshold; the picture is unlike all the model was taught."""

DOUBTS: Mapping[Doubt, str] = {
    "unsure": "not sure enough to say",
    "strange": "not like anything it was taught",
}
