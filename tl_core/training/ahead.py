"""The next batch, made while the device still learns from this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from tl_core.training.device import Device
from tl_core.training.sources import Source

_Made = tuple[Tensor, torch.cuda.Event | None]


class Ahead:
    """A source that makes the batch after this one in a thread and on a CUDA stream of its own.

    So neither reading a memory-mapped file, nor the copy to the device, nor a wait for the device
    inside the source holds up a step. A batch depends on what is asked for alone, so it is the
    same as without. On a CPU nothing is made ahead: a second thread takes from the step what it
    gives to the batch.

    Args:
        source: of the batches.
        device: to compute on.
        overlap: whether to work ahead; left out, where the device has a memory of its own.
    """

    def __init__(self, source: Source, device: Device, overlap: bool | None = None) -> None:
        self.source, self.labels, self.key = source, source.labels, source.key
        wanted = device.kind == "cuda" if overlap is None else overlap
        self._thread = ThreadPoolExecutor(1, "next-batch") if wanted else None
        on_cuda = wanted and device.kind == "cuda"
        self._stream = torch.cuda.Stream() if on_cuda else None  # type: ignore[no-untyped-call]
        self._coming: deque[Tensor] = deque()
        self._view: int | None = None
        self._next: Future[_Made] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread:
            self._thread.shutdown(cancel_futures=True)

    def expect(self, batches: Iterable[Tensor], view: int | None) -> None:
        """Tell which batches will be asked for, in order; the first one is begun."""
        if self._thread:
            if self._stream:
                self._stream.wait_stream(torch.cuda.current_stream())  # it computes the indices
            self._coming, self._view = deque(batches), view
            self._begin()

    def batch(self, indices: Tensor, view: int | None) -> Tensor:
        """Return the batch that was expected and begin the one after it, or make another one."""
        made, self._next = self._next, None
        if made is None:
            return self.source.batch(indices, view)
        if indices is not self._coming.popleft():
            # The memory is full and the batch is asked for in pieces.
            self._coming.clear()
            made.exception()  # waits: a source is asked by one thread at a time
            return self.source.batch(indices, view)
        inputs, ready = made.result()
        if ready:
            torch.cuda.current_stream().wait_event(ready)
            inputs.record_stream(torch.cuda.current_stream())
        self._begin()
        return inputs

    def _begin(self) -> None:
        if self._coming and self._thread:
            self._next = self._thread.submit(self._make, self._coming[0], self._view)

    def _make(self, indices: Tensor, view: int | None) -> _Made:
        if self._stream is None:
            return self.source.batch(indices, view), None
        with torch.cuda.stream(self._stream):
            return self.source.batch(indices, view), self._stream.record_event()
