"""What fits into the device's own memory."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tl_core.data.residence import free_memory, is_resident  # noqa: E402


def test_a_set_is_resident_in_a_share_of_free_memory():
    assert is_resident(300, 1000)
    assert not is_resident(301, 1000)
    assert not is_resident(1, 0)
    assert not is_resident(1, -5)


def test_free_memory_of_a_gpu_counts_what_torch_holds_unused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1000, 9000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 500)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 200)
    assert free_memory(torch.device("cuda")) == 1300
