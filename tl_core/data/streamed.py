"""Rows that are made when they are asked for, in threads, and ahead of a reader who goes in order.

Threads, not processes: Pillow reads, decodes and resizes without holding the interpreter, which is
95 % of the work, and what is made need not be copied from one process to another.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

AHEAD = 256
"""Rows made before they are asked for, at most: 38 MB of pictures at 224 pixels."""

Rows = int | slice | NDArray[np.integer]


class Streamed:
    """An array of which no more than a few rows exist at a time, for one reader.

    All processors together make what is asked for. Who goes in order, tile by tile, finds the next
    rows begun already; whose order cannot be guessed waits for each tile.

    Args:
        shape: `(N, …)` of the whole.
        make: returns one row; called in threads.
    """

    def __init__(self, shape: tuple[int, ...], make: Callable[[int], NDArray[np.uint8]]) -> None:
        self.shape, self._make = shape, make
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)
        self._begun: dict[int, Future[NDArray[np.uint8]]] = {}

    def __getitem__(self, rows: Rows) -> NDArray[np.uint8]:
        """Return one row `(…)`, or several `(B, …)`; what `make` raises is raised here."""
        everything = range(self.shape[0])
        if isinstance(rows, slice):
            return self._several(everything[rows])
        if isinstance(rows, np.ndarray):
            return self._several([everything[row] for row in rows.tolist()])
        return self._several([everything[rows]])[0]  # type: ignore[no-any-return]

    def close(self) -> None:
        """Make nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _several(self, rows: Sequence[int]) -> NDArray[np.uint8]:
        made = [self._begun.pop(row) if row in self._begun else self._begin(row) for row in rows]
        self._look_ahead(rows)
        block = np.empty((len(rows), *self.shape[1:]), np.uint8)
        for place, future in zip(block, made, strict=True):
            place[...] = future.result()
        return block

    def _look_ahead(self, rows: Sequence[int]) -> None:
        coming = range(0)
        if len(rows) and all(row == rows[0] + n for n, row in enumerate(rows)):
            coming = range(rows[-1] + 1, min(rows[-1] + 1 + AHEAD, self.shape[0]))
        for row in [row for row in self._begun if row not in coming]:
            self._begun.pop(row).cancel()
        for row in coming:
            if row not in self._begun:
                self._begun[row] = self._begin(row)

    def _begin(self, row: int) -> Future[NDArray[np.uint8]]:
        return self._pool.submit(self._make, row)
