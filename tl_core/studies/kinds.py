"""Every question that can be studied, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tl_core.errors import unknown
from tl_core.studies import decade, how_many, race, where_to_cut, which_backbone
from tl_core.studies.study import Kind

KINDS: Mapping[str, Kind] = {
    module.NAME: cast("Kind", module)
    for module in (race, decade, how_many, where_to_cut, which_backbone)
}
"""In the order of the lesson."""

ABOUT_A_BACKBONE = (race.NAME, how_many.NAME, where_to_cut.NAME)
"""Those that ask about one backbone; the others ask about several."""

REPEATED = (race.NAME, how_many.NAME)
"""Those whose runs are repeated with several seeds."""


def find_kind(name: str) -> Kind:
    """Return the question that scripts call `name`.

    Raises:
        UserError: there is none.
    """
    if name not in KINDS:
        raise unknown("study", name, KINDS)
    return KINDS[name]
