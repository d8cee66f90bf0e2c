"""Inputs and parameters that all programs compute for themselves, the same to the bit, and what of the results is compared.

The twin of src/shared.rs.
"""

import gzip
import math
import os
from pathlib import Path

import numpy as np
import torch

from device import DEVICE

BATCH = 64
"""Samples a step of an epoch."""


def stream(name, n):
    """The 64-bit numbers that belong to a name: SplitMix64, from the FNV-1a hash of the name."""
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(state) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(name, n):
    """Multiples of 2⁻²³ in [-1, 1), which F32 holds exactly."""
    return (stream(name, n) >> np.uint64(40)).astype(np.float32) / np.float32(2**23) - np.float32(1)


def input(name, *shape):
    """An input of uniform numbers in [-1, 1)."""
    return torch.from_numpy(uniform(name, math.prod(shape)).reshape(shape)).to(DEVICE)


def labels(name, n, classes):
    """`n` class indices in 0..classes."""
    return torch.from_numpy((stream(name, n) >> np.uint64(40)).astype(np.int64) % classes).to(DEVICE)


def parameter(name, shape):
    """The initial value of the parameter or running statistic of this name; the table is in src/shared.rs."""
    numbers = uniform(name, math.prod(shape))
    last = name.rsplit(".", 1)[-1]
    if len(shape) >= 2:
        numbers = numbers * np.float32(1 / math.sqrt(math.prod(shape[1:])))
    elif last == "running_mean":
        numbers = np.zeros_like(numbers)
    elif last == "running_var":
        numbers = np.ones_like(numbers)
    elif last == "weight":
        numbers = np.float32(1) + np.float32(0.1) * numbers
    else:
        numbers = np.float32(0.1) * numbers
    return torch.from_numpy(numbers.reshape(shape)).to(DEVICE)


def digest(name, value):
    """The norm, and the scalar product with the uniform numbers of `name`."""
    values = value.detach().cpu().numpy().astype(np.float64).ravel()
    return [float(np.sqrt(np.sum(values**2))), float(np.dot(values, uniform(name, values.size).astype(np.float64)))]


def fashion_mnist(*dims):
    """Images in [0, 1] and labels of the full training set, which lies in the folder CANDLELIGHT_DATA."""
    folder = Path(os.environ["CANDLELIGHT_DATA"])

    def read(name, header):
        file = folder / name
        data = file.read_bytes() if file.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())
        return np.frombuffer(data, np.uint8, offset=header)

    images = torch.from_numpy(read("train-images-idx3-ubyte", 16).astype(np.float32) / np.float32(255))
    return images.reshape(-1, *dims), torch.from_numpy(read("train-labels-idx1-ubyte", 8).astype(np.int64))
