"""The device on which torch computes."""

import torch

from hayago.errors import HayagoError, printable


def _usable() -> list[str]:
    """The names of the devices that this machine has."""
    names = ["auto", "cpu"]
    if torch.cuda.is_available():
        names += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        names.append("mps")
    return names


def pick_device(name: str = "auto", local_rank: int = 0) -> torch.device:
    """The named device, or the best there is: CUDA, then Apple's MPS, then the CPU.

    Each of several processes on a machine takes the GPU with its number, unless the name includes a number.

    Raises:
        HayagoError: this machine has no such device.
    """
    if name in ("auto", "cuda") and torch.cuda.is_available():
        count = torch.cuda.device_count()
        if local_rank >= count:
            raise HayagoError(f"process {local_rank + 1} of this machine finds no GPU: there are {count}")
        torch.cuda.set_device(local_rank)
        return torch.device("cuda", local_rank)
    if name == "auto":
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = None
    if name in ("cpu", "mps", "cuda") or name.startswith("cuda:"):  # torch knows others, which compute nothing here
        try:
            device = torch.device(name)
            torch.empty(1, device=device)
        except (RuntimeError, AssertionError) as error:
            if name in _usable():
                raise HayagoError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}") from error
            device = None
    if device is None:
        raise HayagoError(f"there is no device {printable(name)!r} here; these can be used: {', '.join(_usable())}")
    if device.type == "cuda":
        torch.cuda.set_device(device)  # pinned memory and compiled kernels belong to the current one
    return device


def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is the fast path: on GPUs that compute in it (Ampere and later); on most CPUs it is not."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
