"""Where torch computes, and how many cores there are."""

import os

import torch

from hayago.errors import HayagoError


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pick_device(name: str = "auto") -> torch.device:
    """The named device, or the best there is: CUDA, then Apple's MPS, then the CPU.

    Raises:
        HayagoError: there is no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise HayagoError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}") from error
    return device
