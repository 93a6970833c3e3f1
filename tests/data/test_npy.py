"""A damaged NumPy file is none, whatever its heading has become."""

from __future__ import annotations

import numpy as np
import pytest

from tl_core.data.npy import map_npy


def test_whole_and_missing(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(4))
    assert map_npy(tmp_path / "a.npy").tolist() == [0, 1, 2, 3]
    changed = map_npy(tmp_path / "a.npy", "c")
    changed[0] = 9
    assert map_npy(tmp_path / "a.npy")[0] == 0
    assert map_npy(tmp_path / "b.npy") is None


def test_every_byte_of_the_heading_flipped_ends_in_no_error(tmp_path):
    file = tmp_path / "a.npy"
    np.save(file, np.zeros(2, [("file", "S64"), ("checksum", "<u4")]))
    data = file.read_bytes()
    for place in range(data.index(b"\n") + 1):
        for flip in (1, 2, 8, 64, 128):
            file.write_bytes(data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :])
            map_npy(file)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00v\x00" + b"(" * 118])
def test_no_numpy_file(tmp_path, data):
    (tmp_path / "a.npy").write_bytes(data)
    assert map_npy(tmp_path / "a.npy") is None
