"""Which activations a phase reads, and computing those that the cache does not have, once.

One pass through the body gives the activations at every cut that is wanted of the same examples,
so the phases of a recipe share it: a later phase, whose cut lies further back, finds what the first
one computed on its way. They are kept as they come out of the body; an entry is never computed from
a kept one, whose fp16 would then add its error to the next.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing

import torch
from torch import nn

from tl_core.backbones.chain import Chain
from tl_core.training.cutcache import CutCache, Entry, Writer, make_key
from tl_core.training.device import Device
from tl_core.training.events import Notice, Preparing
from tl_core.training.sources import AtCut, Inference, Kept, Source

# Variation (`None`: the examples as they are) to the cuts at which it is wanted, ascending.
Wanted = Mapping[int | None, tuple[int, ...]]


def name_stages(body: nn.Sequential) -> list[str]:
    """Name the body up to each of its stages by what it is: layers, weights, buffers.

    Returns:
        One hash per stage; that of the n-th depends on the first n stages and on nothing else.
    """
    running, names = hashlib.sha256(), []
    for name, stage in body.named_children():
        running.update(f"{name}\n{stage!r}\n".encode())
        for label, tensor in (*stage.named_parameters(), *stage.named_buffers()):
            values = tensor.detach().cpu().contiguous()
            running.update(f"{label} {values.dtype} {tuple(values.shape)}\n".encode())
            running.update(values.reshape(-1).view(torch.uint8).numpy().data)
        names.append(running.copy().hexdigest())
    return names


class Keeping:
    """Gives sources at a cut for one chain.

    Args:
        chain: on the device.
        device: to compute on.
        cache: where activations are kept; without one they are computed whenever asked for.
        inference: how frozen stages are computed.
    """

    def __init__(
        self,
        chain: Chain,
        device: Device,
        cache: CutCache | None = None,
        inference: Inference | None = None,
    ) -> None:
        self.chain, self.device, self.cache = chain, device, cache
        self.inference = inference or Inference()
        self._told = False

    def compute(self, source: Source, cut: int) -> AtCut:
        """Return activations at the cut that are computed whenever asked for."""
        return AtCut(source, self.chain.body(cut), self.device, inference=self.inference)

    def keep(
        self, source: Source, wanted: Wanted, names: Sequence[str], what: str
    ) -> Generator[Preparing | Notice, None, Kept]:
        """Return activations that are kept, after computing those that are not there yet.

        Args:
            source: of the body's inputs.
            wanted: which variations, at which cuts; the last cut is the same for all, and its
                activations are what is returned.
            names: of the stages, from `name_stages`, as they are now.
            what: for the progress events.
        """
        last = next(iter(wanted.values()))[-1]
        count, at_cut = len(source.labels), self.compute(source, last)
        kept: dict[int | None, Entry | None] = dict.fromkeys(wanted)
        if self.cache is None or not source.key:
            return Kept(at_cut, kept)
        keys = {
            view: {
                cut: self._key(source.key, view, cuts[: index + 1], names[cut - 1])
                for index, cut in enumerate(cuts)
            }
            for view, cuts in wanted.items()
        }
        kept = {view: self.cache.find(keys[view][last], count) for view in wanted}
        missing = [view for view, entry in kept.items() if entry is None]
        began = time.perf_counter()
        for number, view in enumerate(missing):
            with closing(self._pass(source, view, keys[view], self.cache)) as steps:
                for done in steps:
                    yield Preparing(what, number * count + done, len(missing) * count)
            kept[view] = self.cache.find(keys[view][last], count)
            if kept[view] is None:
                if not self._told:
                    yield Notice(_unkept(self.cache))
                self._told = True
                break
        return Kept(at_cut, kept, time.perf_counter() - began if missing else 0.0)

    def _key(self, source: str, view: int | None, cuts: Sequence[int], stages: str) -> str:
        # All that may change the last bit on a processor. The cuts on the way are among it: where
        # a runtime optimises each part of a body by itself, they decide what is computed together.
        device = self.device
        way = [self.inference.name, list(cuts), device.kind, str(device.half), device.tile]
        return make_key(source, view, stages, *way, torch.__version__)

    def _pass(
        self, source: Source, view: int | None, keys: Mapping[int, str], cache: CutCache
    ) -> Generator[int, None, None]:
        """Pass every example through the body and write the entries that are missing.

        Yields how many examples are done. A disk that cannot take an entry ends it early.
        """
        count = len(source.labels)
        indices = torch.arange(count, device=source.labels.device)
        cuts = {cut for cut, key in keys.items() if cache.find(key, count) is None}
        full: set[int] = set()
        while cuts:
            way = [cut for cut in keys if cut <= max(cuts)]
            at_cut = AtCut(source, self.chain.body(way[-1]), self.device, way, self.inference)
            with ExitStack() as stack:
                writers = {
                    cut: stack.enter_context(cache.write(keys[cut], count, full=cut in full))
                    for cut in cuts
                }
                yield from _write(at_cut, indices, view, way, writers)
                # What fp16 cannot hold is passed once more: it would be wrong to mix precisions.
                cuts = {
                    cut
                    for cut, writer in writers.items()
                    if not _finished(writer, at_cut.seconds[way.index(cut)])
                }
                full |= cuts


def _write(
    at_cut: AtCut,
    indices: torch.Tensor,
    view: int | None,
    way: Sequence[int],
    writers: dict[int, Writer],
) -> Generator[int, None, None]:
    """Write the activations at each cut; one that the disk cannot take leaves `writers`."""
    done = 0
    for tile in at_cut.tiles(indices, view):
        for cut in list(writers):
            try:
                writers[cut].add(tile[way.index(cut)].cpu().numpy())
            except OSError:
                del writers[cut]
        done += len(tile[0])
        yield done
        if all(writer.overflows for writer in writers.values()):
            return


def _finished(writer: Writer, seconds: float) -> bool:
    try:
        return writer.finish(seconds)
    except OSError:
        return True  # as far as it can be: the next run tries again


def _unkept(cache: CutCache) -> str:
    return (
        f"What the frozen stages make of your pictures could not be kept in {cache.folder}, "
        "because its disk is nearly full or cannot be written; the run goes on and computes it "
        "anew in every epoch, which takes longer: free some space for the next run."
    )
