"""How many files the page server holds open while people come and go.

    python benchmarks/handles.py                        1,000 page loads, no other limit
    python benchmarks/handles.py --limit 256            under `ulimit -S -n 256`
    python benchmarks/handles.py --limit 256 --hard     under `ulimit -n 256`, for good

Each load opens the first page in a session of its own and closes it as soon as it is there. What
is open is counted in `/proc`, so on Linux alone. The exit status is 1 when a load was refused.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from served import serve
from viewer import visit


@dataclass
class Count:
    """What came of the loads.

    Attributes:
        refused: loads that got no page, by their number, and why.
        held: after so many loads, so many open files.
    """

    refused: dict[int, str] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)


def limited(limit: int, hard: bool) -> tuple[str, ...]:
    """Return a command that runs what follows it with so many open files; 0 is no limit."""
    return ("sh", "-c", f'ulimit {"" if hard else "-S"} -n {limit}; exec "$@"', "sh") * bool(limit)


def open_files(pid: int) -> int:
    """Return how many files a process holds open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


async def come_and_go(port: int, pid: int, loads: int, tell: Callable[[int, int], None]) -> Count:
    """Open and close pages one after another.

    Args:
        port: of the server.
        pid: of the server.
        loads: how many.
        tell: hears, twenty times in all, the loads so far and the open files.
    """
    count = Count()
    for load in range(1, loads + 1):
        seen = await visit(port, "")
        if seen.first is None:
            count.refused[load] = seen.dropped or "no answer"
        if load % max(1, loads // 20) == 0:
            count.held[load] = open_files(pid)
            tell(load, count.held[load])
    return count


def main() -> int:
    """Count, print, and return the exit status."""
    parser = argparse.ArgumentParser(description="How many files the page server holds open")
    parser.add_argument("--loads", type=int, default=1000)
    parser.add_argument("--limit", type=int, default=0, help="of open files")
    parser.add_argument("--hard", action="store_true", help="a limit that nobody can raise")
    options = parser.parse_args()
    before = limited(options.limit, options.hard)
    with tempfile.TemporaryDirectory() as home, serve(Path(home), before=before) as app:
        print(f"after a start: {open_files(app.pid)} open files", flush=True)

        def tell(load: int, held: int) -> None:
            print(f"after {load:5,} loads: {held} open files", flush=True)

        count = asyncio.run(come_and_go(app.port, app.pid, options.loads, tell))
    print(f"refused: {len(count.refused)} of {options.loads:,}")
    for load, why in list(count.refused.items())[:3]:
        print(f"  load {load}: {why}")
    return 1 if count.refused else 0


if __name__ == "__main__":
    raise SystemExit(main())
