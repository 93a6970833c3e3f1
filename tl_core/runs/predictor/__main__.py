"""The process that answers for pages: messages in at standard input, messages out.

Pages never import torch; they ask this process through `Predictor`. It computes on the
processor, is held to its memory, and takes no code from anyone: see `wire`.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

from tl_core.runs.memory import limit_memory, share_of_machine
from tl_core.runs.predictor.answering import answer
from tl_core.runs.predictor.lane import LATER
from tl_core.runs.predictor.wire import receive, send
from tl_core.runs.priority import give_way


def main(arguments: list[str]) -> None:
    """Answer until standard input ends, which it does when the page server does."""
    limit_memory(share_of_machine())
    if LATER in arguments:
        give_way()
    out = _answers()

    def tell(done: int, total: int) -> None:
        send(out, {"progress": [done, total]})

    while (request := receive(sys.stdin.buffer)) is not None:
        send(out, answer(request, tell))


def _answers() -> BinaryIO:
    """Return what was standard output; what any library prints from now on goes to the log."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return out


if __name__ == "__main__":
    main(sys.argv[1:])
