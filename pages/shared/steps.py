"""The pages: the steps of the notes, and what stands beside them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One page.

    Attributes:
        key: name of its file in `pages/`.
        title: in the navigation.
        icon: Streamlit's name of a symbol.
        number: of the step; 0 for a page that is none: the start, or one beside the steps.
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
        return "" if self.key == "start" else self.key


STEPS = (
    Step("start", "Start", ":material/home:", 0, ""),
    Step("data", "Data", ":material/photo_library:", 1, "Bring pictures, sorted into classes"),
    Step("backbone", "Backbone", ":material/account_tree:", 2, "Pick a network that can see"),
    Step("train", "Train", ":material/show_chart:", 3, "Teach it your classes and watch"),
    Step(
        "validate", "Validate", ":material/fact_check:", 4, "See how good it is, and where it errs"
    ),
    Step("predict", "Predict", ":material/auto_awesome:", 5, "Try it on new pictures"),
)
LEARN = Step("learn", "Learn", ":material/school:", 0, "Transfer learning, and what it is worth")
COMPARE = Step("compare", "Compare", ":material/compare_arrows:", 0, "Runs beside each other")
PAGES = (*STEPS, COMPARE, LEARN)
RUNS = Step("runs", "Runs", ":material/list:", 0, "All runs, newest first")
STORAGE = Step("storage", "Storage", ":material/hard_drive:", 0, "What is kept, and what may go")
ALL = (*PAGES, RUNS, STORAGE)  # the bar has no room for what is rarely needed


def page_file(key: str) -> str:
    """Return a page's file, as links and buttons want it."""
    return f"{key}.py"
