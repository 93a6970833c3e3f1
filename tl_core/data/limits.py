"""How much is taken in at once: stated here, and nowhere else.

Each limit can be changed for an installation by an environment variable, `HEADSTART_MAX_` and the
name of the field: `HEADSTART_MAX_ENTRIES=500000`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from tl_core.errors import UserError


@dataclass(frozen=True)
class Limits:
    """What an import may hold.

    Attributes:
        entries: files in one source.
        file_mb: of one picture's file.
        unpacked_mb: of all that an archive unpacks to.
        ratio: times its own size that an archive may unpack to, once that is more than 256 MB;
            pictures are compressed already and do not come near it.
        classes: of one dataset.
        folders: that a picture may lie below one another. An archive inside an archive is never
            opened.
        name_length: characters of one part of a path.
        megapixels: of one picture. Phones make 108.
        decoding_mb: of memory that pictures may take at once while they are decoded, one of them
            or several; 108 megapixels that are turned upright take 864.
        uploads_mb: of all that browsers have uploaded and that was not taken in yet; it lies in
            the page server's memory. One file may take all of it.
        seen_pixels: of the side of the square that a model from elsewhere may ask for.
    """

    entries: int = 200_000
    file_mb: int = 200
    unpacked_mb: int = 20_000
    ratio: int = 200
    classes: int = 10_000
    folders: int = 32
    name_length: int = 255
    megapixels: int = 120
    decoding_mb: int = 900
    uploads_mb: int = 4_500
    seen_pixels: int = 1024

    @property
    def file_bytes(self) -> int:
        """Bytes of one picture's file."""
        return self.file_mb * 1_000_000

    @property
    def unpacked_bytes(self) -> int:
        """Bytes of all that an archive unpacks to."""
        return self.unpacked_mb * 1_000_000

    @property
    def name_bytes(self) -> int:
        """Bytes of all names in an archive together; they are held in memory."""
        return self.entries * 256

    @property
    def decoding_bytes(self) -> int:
        """Bytes of memory for decoding."""
        return self.decoding_mb * 1_000_000

    @property
    def uploads_bytes(self) -> int:
        """Bytes of all uploads together."""
        return self.uploads_mb * 1_000_000

    @property
    def pixels(self) -> int:
        """Pixels of one picture."""
        return self.megapixels * 1_000_000


def limits() -> Limits:
    """Return the limits of this installation.

    Raises:
        UserError: a variable of the environment is not a number above 0.
    """
    return Limits(**{field.name: _limit(field.name, field.default) for field in fields(Limits)})


def _limit(name: str, default: object) -> int:
    variable = f"HEADSTART_MAX_{name.upper()}"
    text = os.environ.get(variable) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise UserError(
            f"{variable} is {text!r} and must be a whole number above 0; "
            f"change it, or leave it out for {default}."
        )
    return int(text)
