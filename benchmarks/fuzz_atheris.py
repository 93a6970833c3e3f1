"""The opener and the archives under a fuzzer that follows coverage (`pip install atheris`; Linux).

`python benchmarks/fuzz_atheris.py picture -runs=20000 FOLDER`, where the folder holds files to
begin with; what follows the kind goes to libFuzzer.
"""

from __future__ import annotations

import io
import sys
import warnings
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
try:
    import atheris
except ImportError:
    sys.exit("This needs atheris: pip install atheris (Linux only).")

with atheris.instrument_imports(
    include=["tl_core.data", "tl_core.escape", "PIL", "tarfile", "zipfile"]
):
    from tl_core.data.decode import open_image
    from tl_core.data.layout import arrange
    from tl_core.data.packed import open_archive
    from tl_core.data.sketch import sketch
    from tl_core.errors import UserError

_READ = 1 << 16


def picture(data: bytes) -> None:
    """Open a picture."""
    with suppress(UserError):
        sketch(open_image(data))


def archive(data: bytes) -> None:
    """List an archive, find its classes and read its files as an import does."""
    with suppress(UserError), open_archive(io.BytesIO(data)) as entries:
        for entry in entries:
            # What a damaged file inside raises is caught where it is copied in.
            with suppress(Exception), entry.open() as stream:
                stream.read(_READ)
        arrange([entry.name for entry in entries], "it")


if __name__ == "__main__":
    kinds = {"picture": picture, "archive": archive}
    if len(sys.argv) < 2 or sys.argv[1] not in kinds:
        sys.exit(f"Name what to fuzz first: {' or '.join(kinds)}.")
    warnings.simplefilter("ignore")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], kinds[sys.argv[1]])
    atheris.Fuzz()
