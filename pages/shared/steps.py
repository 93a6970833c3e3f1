"""The steps of the notes, as pages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One page.

    Attributes:
        key: name of its file in `pages/`.
        title: in the navigation.
        icon: Streamlit's name of a symbol.
        number: of the step; 0 for the start.
        what: the notes' words for it, in a person's language.
    """

    key: str
    title: str
    icon: str
    number: int
    what: str

    @property
    def heading(self) -> str:
        """Title with the step's number."""
        return f"{self.number} · {self.title}" if self.number else self.title

    @property
    def path(self) -> str:
        """Last part of the page's address; the start has none."""
        return self.key if self.number else ""


STEPS = (
    Step("start", "Start", ":material/home:", 0, ""),
    Step("data", "Data", ":material/photo_library:", 1, "Bring pictures, sorted into classes"),
    Step("backbone", "Backbone", ":material/account_tree:", 2, "Pick a network that can see"),
    Step("train", "Train", ":material/show_chart:", 3, "Teach it your classes and watch"),
    Step("predict", "Predict", ":material/auto_awesome:", 4, "Try it on new pictures"),
)


def page_file(key: str) -> str:
    """Return a page's file, as links and buttons want it."""
    return f"{key}.py"
