"""What only the person knows about a source: which column, which folders; asked, never guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from tl_core.errors import UserError
from tl_core.escape import shorten


@dataclass(frozen=True)
class Told:
    """What the person said about how a source is to be read; what is empty was not said.

    Attributes:
        read_as: `classes-above`, `classes-below`, or `folders` (no table).
        picture_column: the column that names the pictures, by its heading or its number from 1.
        label_column: the column of the classes.
    """

    read_as: str = ""
    picture_column: str = ""
    label_column: str = ""


OPTIONS = tuple(field.name for field in fields(Told))
CLASSES_ABOVE, CLASSES_BELOW, FOLDERS = "classes-above", "classes-below", "folders"


@dataclass(frozen=True)
class Choice:
    """One answer to a question.

    Attributes:
        value: what `Told` takes.
        example: what it would mean, in plain words.
    """

    value: str
    example: str


class QuestionError(UserError):
    """A source that can be read in several ways; the message says which option decides.

    Attributes:
        what: the field of `Told` that answers it.
        asked: the question alone, for a page that shows the choices beside it.
        choices: the answers.
    """

    def __init__(self, what: str, asked: str, choices: Sequence[Choice]) -> None:
        self.what, self.asked, self.choices = what, asked, tuple(choices)
        option = f"--{what.replace('_', '-')}"
        ways = "; ".join(f"{option} {one.value!r}: {shorten(one.example, 120)}" for one in choices)
        super().__init__(f"{asked}; say which with {ways}.")
