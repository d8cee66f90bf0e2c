"""The instruction sets that the parts of PyTorch use here."""

import os
import re
import subprocess
import sys

NAME = re.compile(r"AVX-?512|AVX2|AVX|SSE[\d.]+")

SCRIPT = """
import torch
torch.set_num_threads(1)
print("ATen", torch.backends.cpu.get_cpu_capability())
torch.ones(64, 64) @ torch.ones(64, 64)
torch.nn.functional.conv2d(torch.ones(16, 64, 28, 28), torch.ones(64, 64, 3, 3))
"""
"""A product of matrices for MKL, and a convolution that is large enough for oneDNN."""

STARTS = {"ATen": "ATen ", "oneDNN": "onednn_verbose,v1,info,cpu,isa:", "MKL": "MKL_VERBOSE oneMKL "}
"""How the line begins in which a part names its set."""


def in_use():
    """What they say themselves, in a process of its own: they would go on talking in this one. MKL names none on processors of
    AMD."""
    environment = os.environ | {"ONEDNN_VERBOSE": "1", "MKL_VERBOSE": "1"}
    run = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return ", ".join(f"{part} {named(run.stdout, start)}" for part, start in STARTS.items())


def named(text, start):
    line = next((line for line in text.splitlines() if line.startswith(start)), None)
    if line is None:
        return "not used"
    if "DEFAULT" in line:
        return "base"
    name = NAME.search(line)
    return name[0].replace("AVX512", "AVX-512") if name else "unnamed"
