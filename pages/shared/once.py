"""Things that are made once and shared by every session of this server."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass
class _Place(Generic[V]):
    """Where one value stands; the empty list is before it was first made."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    made: list[V] = field(default_factory=list)


class Once(Generic[K, V]):
    """Values by key, each made by whoever asks first while the others wait for it.

    Args:
        most: values that are kept; the one that was asked for longest ago goes first.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._places: OrderedDict[K, _Place[V]] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self, key: K, make: Callable[[], V], will_do: Callable[[V], bool] = lambda _: True
    ) -> V:
        """Return the value of `key`, made anew where the one that is kept will not do.

        What `make` raises reaches only the one who asked; the next one tries again.

        >>> once = Once[str, int](most=8)
        >>> once.get("answer", lambda: 42), once.get("answer", lambda: 43)
        (42, 42)
        """
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
            while len(self._places) > self.most:
                self._places.popitem(last=False)
        with place.turn:
            if not (place.made and will_do(place.made[0])):
                place.made = [make()]
            return place.made[0]
