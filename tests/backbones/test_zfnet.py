"""ZFNet against the graph of the ONNX Model Zoo, which the `onnx` package ships without weights."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tl_core.backbones import load, weights
from tl_core.backbones.catalog import family_of, find_card
from tl_core.errors import UserError

CARD = find_card("zfnet512")
ZFNET = family_of("zfnet512")


@pytest.fixture
def zoo_file(tmp_path: Path) -> Path:
    """The zoo's file with random weights: its own graph, its own tensor names."""
    onnx = pytest.importorskip("onnx")
    folder = Path(onnx.__file__).parent / "backend/test/data/light"
    model = onnx.load(folder / "light_zfnet512.onnx")
    graph = model.graph
    shapes = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    random = np.random.default_rng(0)
    for node in [node for node in graph.node if node.op_type == "ConstantOfShape"]:
        # The light graph makes each weight from its shape; the real file stores it instead.
        shape = shapes[node.input[0]]
        values = random.random(tuple(shape), np.float32)
        values -= 0.5
        if len(shape) > 1:  # so that the signal neither fades nor grows
            values *= np.float32(np.sqrt(24 / np.prod(shape[1:])))
        # Field by field: `from_array` would hold fc6's 300 MB four times over.
        tensor = graph.initializer.add(name=node.output[0], data_type=1, dims=values.shape)
        values = values.tobytes()
        tensor.raw_data = values
        del values
        graph.node.remove(node)
    for field in (graph.initializer, graph.input):
        for entry in [entry for entry in field if entry.name.endswith("__SHAPE")]:
            field.remove(entry)
    # Beside the probabilities also what they were made from: r20 in, softmax out.
    graph.output.append(onnx.helper.make_tensor_value_info("r20", 1, [1, 1000]))
    model.ir_version = 4  # from here on, stored weights need not be inputs as well
    path = tmp_path / "zfnet512-12.onnx"
    onnx.save(model, path)
    return path


def test_the_zoos_graph_and_our_network_agree(
    zoo_file: Path, give_memory_back: Callable[[], None]
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    give_memory_back()
    rgb = torch.rand(1, 3, 224, 224)  # a picture as our opener hands it over
    means = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)  # as the zoo says
    bgr = rgb.flip(1) * 255 - means
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False  # the weights are 350 MB, and once is enough
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(zoo_file, options, providers=["CPUExecutionProvider"])
    probabilities, logits = session.run(["gpu_0/softmax_1", "r20"], {"gpu_0/data_0": bgr.numpy()})
    del session
    give_memory_back()

    state = ZFNET.read_published(zoo_file)
    assert state.keys() == ZFNET.build("zfnet512").state_dict().keys()
    chain = load.from_state(ZFNET, "zfnet512", state, classes=None).eval()
    mean, std = (
        torch.tensor(v).view(1, 3, 1, 1) for v in (CARD.preprocessing.mean, CARD.preprocessing.std)
    )
    with torch.no_grad():
        ours = chain((rgb - mean) / std)
    assert np.ptp(logits) > 0.1
    assert np.abs(ours.numpy() - logits).max() <= 1e-4 * np.abs(logits).max()
    assert np.abs(ours.softmax(1).numpy() - probabilities).max() <= 1e-4 * probabilities.max()


def test_a_file_whose_hash_is_not_the_zoos_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    weights.download_folder().mkdir(parents=True)
    (weights.download_folder() / "zfnet512-12.onnx").write_bytes(b"something else")
    monkeypatch.setattr(ZFNET, "read_published", pytest.fail)
    with pytest.raises(UserError, match="hash differs"):
        load.load_backbone("zfnet512", 3)


def test_without_the_onnx_package_the_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=re.escape("pip install -r requirements-zfnet.txt")):
        ZFNET.read_published(tmp_path / "zfnet512-12.onnx")


def test_the_papers_network_has_the_papers_shapes() -> None:
    card = find_card("zfnet")
    assert [stage.shape for stage in card.stages] == [
        (96, 55, 55),
        (256, 13, 13),
        (384, 13, 13),
        (384, 13, 13),
        (256, 6, 6),
        (4096,),
        (4096,),
    ]
    assert card.weights is None
    assert "from scratch" in card.title


def test_the_zoos_network_has_the_zoos_shapes() -> None:
    assert CARD.stages[4].shape == (512, 6, 6)
    assert CARD.features == 1024
    assert CARD.trainable_parameters(0, 1000) * 4 == pytest.approx(CARD.weights.bytes, rel=1e-4)
