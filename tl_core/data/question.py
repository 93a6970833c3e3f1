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
        read_as: `classes-above`, `classes-below`, `folders` (no table), or the name of a table.
        picture_column: the column that names the pictures, by its heading or its number from 1.
        label_column: the column of the classes, or several with commas between, one for each class.
        names_in: the encoding of the names in a zip, or of a table, that does not say it.
    """

    read_as: str = ""
    picture_column: str = ""
    label_column: str = ""
    names_in: str = ""

    @property
    def by_folders(self) -> bool:
        """Whether the folders say the classes, whatever tables lie beside them."""
        return FOLDERS in (self.read_as, self.picture_column, self.label_column)


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
        beside_folders: whether it is asked even where class folders would do, because a heading
            says that the table is meant.
    """

    def __init__(
        self, what: str, asked: str, choices: Sequence[Choice], *, beside_folders: bool = False
    ) -> None:
        self.what, self.asked, self.choices = what, asked, tuple(choices)
        self.beside_folders = beside_folders
        option = f"--{what.replace('_', '-')}"
        ways = "; ".join(f"{option} {one.value!r}: {shorten(one.example, 120)}" for one in choices)
        say = "say which" if len(self.choices) > 1 else "if that is meant, say so"
        super().__init__(f"{asked}; {say} with {ways}.")
