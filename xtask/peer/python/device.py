"""Where PyTorch computes, and how: `cpu`, or `cuda`, the first card.

On a card numbers are F32 throughout: products of matrices and cuDNN's layers are kept from TF32, and cuDNN tries its algorithms
and takes the fastest.
"""

import sys

import torch

NAME = sys.argv[3] if len(sys.argv) > 3 else "cpu"
DEVICE = torch.device(NAME)
IS_CARD = DEVICE.type == "cuda"


def start():
    """Settles how the card computes. Without one PyTorch says so in its own words, and the program ends."""
    if IS_CARD:
        try:
            torch.cuda.init()
        except (AssertionError, RuntimeError) as error:
            sys.exit(f"PyTorch: {error}")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True


def wait():
    """Until the card has done all that it was asked for."""
    if IS_CARD:
        torch.cuda.synchronize()


def told():
    """The card and the settings that are in force, for the head of the report."""
    if not IS_CARD:
        return ""
    settings = {
        "TF32 of products": torch.backends.cuda.matmul.allow_tf32,
        "TF32 of cuDNN": torch.backends.cudnn.allow_tf32,
        "cudnn.benchmark": torch.backends.cudnn.benchmark,
    }
    said = ", ".join(f"{name} {'on' if value else 'off'}" for name, value in settings.items())
    cudnn = torch.backends.cudnn.version()
    return f" on {torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, cuDNN {cudnn}, {said}"
