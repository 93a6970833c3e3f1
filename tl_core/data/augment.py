"""Vary pictures in batches, on the device they lie on.

What happens to a picture depends on the seed, the epoch and the picture's own index and on
nothing else: random numbers are a hash of those, not the next ones of a generator. So neither the
order, nor the batch, nor a run that was interrupted in between changes a picture's variation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from tl_core.config import Augment

VARIATION = "1"
"""Names how pictures are varied. Change it with the numbers: kept activations are keyed by it."""

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_DRAWS = 9

# Area of the crop, aspect ratio, tan of half the largest rotation (15°), and how far brightness,
# contrast and saturation go from 1.
_MILDEST_ASPECT = 0.8
_SMALLEST_CROP = {"light": 0.6, "strong": 0.25}
_TAN_HALF_ROTATION = 0.13165
_COLOUR = 0.3


def to_input(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Turn decoded pixels into what a network sees.

    Args:
        pixels: uint8 `(N, H, W, 3)`.
        mean: per channel, of values between 0 and 1.
        std: per channel.

    Returns:
        float32 `(N, 3, H, W)`, normalised, in channels_last memory format.
    """
    return normalise(_to_unit(pixels), mean, std)


def normalise(x: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Subtract the mean and divide by the deviation.

    Args:
        x: float `(N, 3, H, W)` between 0 and 1.
        mean: per channel.
        std: per channel.

    Returns:
        Likewise, in channels_last memory format.
    """
    n, channels, height, width = x.shape
    # A row of pixels at a time: on a CPU, broadcasting over 3 values takes 6 times as long.
    rows = x.permute(0, 2, 3, 1).reshape(n, height, width * channels)
    centre = torch.tensor(mean, dtype=x.dtype, device=x.device).repeat(width)
    spread = torch.tensor(std, dtype=x.dtype, device=x.device).repeat(width)
    return (rows - centre).div_(spread).view(n, height, width, channels).permute(0, 3, 1, 2)


def augment(
    pixels: Tensor,
    indices: Tensor,
    *,
    epoch: int,
    seed: int,
    strength: Augment,
    size: int | None = None,
) -> Tensor:
    """Vary a batch of pictures.

    "light" mirrors and crops (60 to 100 % of the area); "strong" crops down to 25 %, turns by up
    to 15° and changes brightness, contrast and saturation by up to 30 %; "none" changes nothing.

    Args:
        pixels: uint8 `(N, H, W, 3)`, on any device.
        indices: int64 `(N,)`, which picture of the dataset each one is.
        epoch: which time round; every epoch draws anew.
        seed: the run's seed.
        strength: how much to vary.
        size: side of the square to return where pictures are varied; theirs when left out.

    Returns:
        float32 `(N, 3, H, W)` between 0 and 1, on the device of `pixels`.
    """
    x = _to_unit(pixels)
    if strength == "none":
        return x
    u = uniforms(indices.to(pixels.device), epoch=epoch, seed=seed, draws=_DRAWS)
    strong = strength == "strong"
    sides = pixels.shape[1:3] if size is None else (size, size)
    grid = _grid(u, sides, _SMALLEST_CROP[strength], rotate=strong)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return _recolour(x, u[:, 6:9], _mean_brightness(pixels)) if strong else x


def uniforms(indices: Tensor, *, epoch: int, seed: int, draws: int) -> Tensor:
    """Draw numbers between 0 and 1 (never 1) that depend on the arguments alone.

    The hash is splitmix64 (Steele, Lea and Flood 2014), in integers that wrap around.

    Args:
        indices: int64 `(N,)`.
        epoch: any integer.
        seed: any integer.
        draws: numbers per index.

    Returns:
        float32 `(N, draws)`, the same bits on every device.
    """
    key = _mix_number(_mix_number(seed) + epoch)
    own = _mix(indices + _signed(key))
    number = torch.arange(1, draws + 1, device=indices.device) * _signed(_GOLDEN)
    return _shift(_mix(own[:, None] + number), 40).to(torch.float32) / (1 << 24)


def _grid(u: Tensor, size: Sequence[int], smallest: float, *, rotate: bool) -> Tensor:
    """Return where each output pixel is read: flip, then rotation, then crop, as one affine map.

    Only additions, products, quotients and square roots of single numbers: each is rounded in one
    prescribed way, where a matrix product or a cosine may differ with the batch in the last bit.
    """
    u = u[:, :, None, None]
    area = smallest + (1 - smallest) * u[:, 0]
    aspect = _MILDEST_ASPECT + (1 - _MILDEST_ASPECT) * (2 * u[:, 1] - 1).abs()
    aspect = torch.where(u[:, 1] < 0.5, aspect, 1 / aspect)
    width = (area * aspect).sqrt().clamp(max=1)
    height = (area / aspect).sqrt().clamp(max=1)
    flip = torch.where(u[:, 2] < 0.5, -1.0, 1.0)
    t = (2 * u[:, 3] - 1) * (_TAN_HALF_ROTATION if rotate else 0.0)
    cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)

    y, x = (_centres(n, u.device) for n in size)
    x, y = x[None, None, :] * flip, y[None, :, None]
    right, down = (2 * u[:, 4] - 1) * (1 - width), (2 * u[:, 5] - 1) * (1 - height)
    # One addition per pixel: what depends on the row alone and on the column alone comes first.
    grid = u.new_empty((len(u), *size, 2))
    torch.sub(x * (width * cos) + right, y * (width * sin), out=grid[..., 0])
    torch.add(x * (height * sin), y * (height * cos) + down, out=grid[..., 1])
    return grid


def _centres(n: int, device: torch.device) -> Tensor:
    """Return the pixel centres of a side in grid_sample's coordinates, -1 to 1."""
    return (2 * torch.arange(n, device=device, dtype=torch.float32) + 1) / n - 1


def _recolour(x: Tensor, u: Tensor, mean: Tensor) -> Tensor:
    """Change brightness, contrast and saturation of `x`, in place."""
    brightness, contrast, saturation = (
        (1 - _COLOUR + 2 * _COLOUR * u[:, k]).view(-1, 1, 1, 1) for k in range(3)
    )
    x = x.sub_(mean).mul_(contrast).add_(mean).mul_(brightness)
    red, green, blue = x.unbind(1)
    grey = (red * 0.299).add_(green * 0.587).add_(blue * 0.114)[:, None]
    return x.sub_(grey).mul_(saturation).add_(grey).clamp_(0, 1)


def _mean_brightness(pixels: Tensor) -> Tensor:
    """Return each picture's mean, `(N, 1, 1, 1)`; summed as integers, so exact in any order."""
    values = pixels.shape[1:].numel()
    total = pixels.flatten(1).sum(1, dtype=torch.int64)
    return (total.to(torch.float32) / (values * 255)).view(-1, 1, 1, 1)


def _to_unit(pixels: Tensor) -> Tensor:
    return pixels.permute(0, 3, 1, 2).to(torch.float32).div_(255)


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shift(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _shift(x, 31)


def _shift(x: Tensor, bits: int) -> Tensor:
    """Shift right and fill with zeros; on signed integers torch fills with the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix_number(value: int) -> int:
    """Do to a Python integer what `_mix` does to a tensor, after splitmix64's own step."""
    z = (value + _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def _signed(value: int) -> int:
    """Reinterpret 64 bits as a signed integer, as int64 tensors hold them."""
    return value - (1 << 64) if value >> 63 else value
