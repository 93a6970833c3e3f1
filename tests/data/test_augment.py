"""Augmentation: depends on seed, epoch and index alone, and stays within its bounds."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tl_core.data.augment import augment, normalise, to_input, uniforms  # noqa: E402

STRENGTHS = ["light", "strong"]


def noise(n: int, height: int = 20, width: int = 20):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (n, height, width, 3), dtype=torch.uint8, generator=generator)


def varied(pixels, indices, strength="strong", epoch=0, seed=0):
    indices = torch.as_tensor(indices, dtype=torch.int64)
    return augment(pixels, indices, epoch=epoch, seed=seed, strength=strength)


def test_splitmix64_is_the_published_one():
    """First outputs for the seed 1234567, as printed with Vigna's reference code."""
    from tl_core.data.augment import _mix_number

    golden = 0x9E3779B97F4A7C15
    outputs = [_mix_number((1234567 + n * golden) % 2**64) for n in range(3)]
    assert outputs == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_the_tensor_hash_is_the_number_hash():
    from tl_core.data.augment import _GOLDEN, _mix, _mix_number, _signed

    values = [0, 1, -1, 2**62, -(2**63), 123456789]
    stepped = torch.tensor([_signed((v + _GOLDEN) % 2**64) for v in values])
    assert _mix(stepped).tolist() == [_signed(_mix_number(v % 2**64)) for v in values]


def test_uniforms_are_uniform_and_independent():
    u = uniforms(torch.arange(20_000), epoch=3, seed=7, draws=4)
    assert u.min() >= 0
    assert u.max() < 1
    for column in u.T:
        counts = torch.histc(column, 20, 0, 1)
        chi_square = ((counts - 1000) ** 2 / 1000).sum()
        assert chi_square < 43.8, "1 in 1000 for 19 degrees of freedom"
    others = [uniforms(torch.arange(20_000), epoch=e, seed=s, draws=4) for e, s in ((4, 7), (3, 8))]
    columns = torch.cat([u, *others], dim=1)
    shifted = torch.cat([columns[1:], columns[:1]])
    for pair in (columns, torch.cat([columns, shifted], dim=1)):
        correlation = torch.corrcoef(pair.T) - torch.eye(pair.shape[1])
        assert correlation.abs().max() < 0.035


def test_every_argument_of_uniforms_counts():
    first = uniforms(torch.tensor([5]), epoch=1, seed=2, draws=3)
    assert torch.equal(first, uniforms(torch.tensor([5]), epoch=1, seed=2, draws=9)[:, :3])
    for other in (
        uniforms(torch.tensor([6]), epoch=1, seed=2, draws=3),
        uniforms(torch.tensor([5]), epoch=2, seed=2, draws=3),
        uniforms(torch.tensor([5]), epoch=1, seed=3, draws=3),
        uniforms(torch.tensor([5]), epoch=2, seed=1, draws=3),
    ):
        assert not torch.equal(first, other)


def test_uniforms_are_pinned():
    """A change here changes every seeded run."""
    u = uniforms(torch.tensor([0, 41]), epoch=2, seed=3, draws=2)
    assert (u * (1 << 24)).long().tolist() == [[1338229, 5020065], [6063094, 149348]]


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("size", [(20, 20), (19, 23)])
def test_a_variation_does_not_depend_on_the_batch(strength, size):
    """Bit for bit: alone, in other company, in another order, and on other threads."""
    pixels = noise(37, *size)
    whole = varied(pixels, range(37), strength)
    order = torch.randperm(37, generator=torch.Generator().manual_seed(2))
    assert torch.equal(varied(pixels[order], order, strength), whole[order])
    for start, stop in ((0, 1), (5, 6), (3, 12), (20, 37)):
        part = varied(pixels[start:stop], range(start, stop), strength)
        assert torch.equal(part, whole[start:stop])
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert torch.equal(varied(pixels, range(37), strength), whole)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_epoch_seed_and_index_each_change_it(strength):
    pixels = noise(4)
    base = varied(pixels, range(4), strength)
    for other in (
        varied(pixels, range(4), strength, epoch=1),
        varied(pixels, range(4), strength, seed=1),
        varied(pixels, range(4, 8), strength),
    ):
        assert all(not torch.equal(a, b) for a, b in zip(base, other, strict=True))


@pytest.mark.parametrize("strength", ["none", *STRENGTHS])
def test_shape_and_bounds(strength):
    pixels = noise(64)
    pixels[:8], pixels[8:16] = 0, 255
    x = varied(pixels, range(64), strength)
    assert (x.shape, x.dtype) == ((64, 3, 20, 20), torch.float32)
    assert x.min() >= 0
    assert x.max() <= 1
    assert varied(pixels[:0], [], strength).shape == (0, 3, 20, 20)


def test_none_changes_nothing():
    pixels = noise(3)
    assert torch.equal(varied(pixels, range(3), "none"), pixels.permute(0, 3, 1, 2) / 255)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_half_of_the_pictures_are_mirrored(strength):
    n = 2000
    ramp = torch.arange(0, 240, 15, dtype=torch.uint8)
    pixels = ramp[None, None, :, None].expand(n, 16, 16, 3)
    x = varied(pixels, range(n), strength).mean((1, 2))
    mirrored = (x[:, -1] < x[:, 0]).float().mean()
    assert 0.46 < mirrored < 0.54


def window(strength, n=500, side=64):
    """Where the output's middle row and column were read from, in parts of the side."""
    ramp = (torch.arange(side, dtype=torch.float32) * (255 / (side - 1))).to(torch.uint8)
    along_x = torch.zeros(n, side, side, 3, dtype=torch.uint8)
    along_x[..., 0] = ramp[None, None, :]
    along_x[..., 1] = ramp[None, :, None]
    return varied(along_x, range(n), strength)


def test_light_crops_stay_inside_and_upright():
    x = window("light")
    columns, rows = x[:, 0], x[:, 1]
    assert (columns - columns[:, :1]).abs().max() < 1e-5, "columns stay columns"
    width = (columns[:, 0, -1] - columns[:, 0, 0]).abs() * 64 / 63
    height = (rows[:, -1, 0] - rows[:, 0, 0]) * 64 / 63
    assert (height > 0).all(), "never upside down"
    area = width * height
    assert 0.55 < area.min() < 0.68
    assert 0.9 < area.max() < 1.05
    assert (width / height).min() > 0.75
    assert (width / height).max() < 1.34


def test_strong_turns_both_ways_and_recolours():
    x = window("strong")
    tilt = x[:, 1, 32, -1] - x[:, 1, 32, 0]
    assert (tilt > 0.02).float().mean() > 0.2
    assert (tilt < -0.02).float().mean() > 0.2
    grey = torch.full((300, 8, 8, 3), 128, dtype=torch.uint8)
    level = varied(grey, range(300), "strong").mean((1, 2, 3)) / (128 / 255)
    assert 0.69 < level.min() < 0.75
    assert 1.25 < level.max() < 1.31


def test_the_device_of_the_pixels_is_kept_and_indices_may_lie_elsewhere():
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pixels = noise(4)
    here = varied(pixels, range(4))
    there = augment(pixels.to(device), torch.arange(4), epoch=0, seed=0, strength="strong")
    assert there.device.type == device.type
    torch.testing.assert_close(there.cpu(), here, rtol=0, atol=1e-4)


def test_input_is_normalised_and_channels_last():
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    pixels = noise(2, 6, 7)
    x = to_input(pixels, mean, std)
    expected = (pixels.permute(0, 3, 1, 2).double() / 255).clone()
    for channel in range(3):
        expected[:, channel] = (expected[:, channel] - mean[channel]) / std[channel]
    torch.testing.assert_close(x.double(), expected, rtol=0, atol=1e-6)
    assert x.dtype == torch.float32
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(x, normalise(varied(pixels, [0, 1], "none"), mean, std))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_normalising_is_one_difference_and_one_quotient(layout):
    """Bit for bit, in whatever layout it comes: kept activations outlive a change of the code."""
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(3, 3, 6, 7, generator=generator).contiguous(memory_format=layout)
    before = x.clone()
    centre, spread = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
    assert torch.equal(normalise(x, mean, std), (x - centre) / spread)
    assert torch.equal(x, before)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_another_size_shows_the_same_parts_of_the_pictures(strength):
    """A smooth picture, varied at its own size and at half of it, differs by what is between."""
    ramp = torch.linspace(0, 255, 64).to(torch.uint8)
    pixels = torch.stack(
        [ramp.expand(64, 64), ramp.expand(64, 64).T, ramp.flip(0).expand(64, 64)], dim=-1
    ).expand(8, 64, 64, 3)
    indices = torch.arange(8)
    own = augment(pixels, indices, epoch=0, seed=0, strength=strength)
    half = augment(pixels, indices, epoch=0, seed=0, strength=strength, size=32)
    assert half.shape == (8, 3, 32, 32)
    assert (torch.nn.functional.avg_pool2d(own, 2) - half).abs().max() < 0.03
