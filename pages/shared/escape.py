"""What a person named is text on a page; `tl_core.escape` has a function for every place."""

from __future__ import annotations

from tl_core.escape import in_chart, in_html, shorten
from tl_core.escape import in_markdown as on_page

__all__ = ["in_chart", "in_html", "on_page", "shorten"]
