"""Muon: momentum with orthogonalised steps, for the kernels of hidden convolutions.

K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024). A kernel (out, in, h, w) is treated
as the matrix (out, in*h*w); torch.optim.Muon takes only plain matrices.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

# The quintic iteration a*X + b*(XX')X + c*(XX')^2 X brings all singular values into about [0.7, 1.2] in five rounds.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ROUNDS = 5


def orthogonalise(matrices: Tensor) -> Tensor:
    """Roughly the nearest matrices (..., rows, columns) with orthonormal rows, or columns if those are fewer."""
    x: Tensor = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    tall = x.size(-2) > x.size(-1)
    if tall:
        x = x.mT
    a, b, c = COEFFICIENTS
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised, with decoupled weight decay.

    Args:
        parameters: tensors of two dimensions or more, or groups of them. All dimensions but the first are flattened.
        lr: learning rate; every singular value of a step is about lr.
        momentum: share of the running sum of gradients that is kept at each step.
        weight_decay: share of a weight, times lr, that is subtracted at each step.
        lengthen: whether to lengthen the steps of tall matrices, which have fewer singular values than rows, so that
            their outputs move as far.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        lengthen: bool = True,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "lengthen": lengthen}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Make one step from the gradients."""
        assert closure is None, "Muon takes no closure"
        for group in self.param_groups:
            same_shape: defaultdict[torch.Size, list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                same_shape[parameter.shape].append(parameter)
            for parameters in same_shape.values():
                self._step_together(parameters, group)

    def _step_together(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        """Make one step for parameters of one shape; one stack of them saves many small products."""
        gradients, momenta = [], []
        for parameter in parameters:
            assert parameter.grad is not None
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
            momenta.append(state["momentum"])
        torch._foreach_mul_(momenta, group["momentum"])
        torch._foreach_add_(momenta, gradients)
        directions = torch._foreach_add(gradients, momenta, alpha=group["momentum"])
        steps = self.orthogonalised(torch.stack([direction.flatten(1) for direction in directions]), parameters)
        tallness = steps.size(-2) / steps.size(-1) if group["lengthen"] else 1.0
        # The learning rate may be a tensor: on a GPU a recorded step reads it each time.
        steps = steps * (group["lr"] * max(1.0, tallness) ** 0.5)
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_sub_(parameters, [step.view_as(one) for one, step in zip(parameters, steps, strict=True)])

    def orthogonalised(self, directions: Tensor, parameters: list[Tensor]) -> Tensor:
        """Orthogonalised steps (K, rows, columns) of the directions (K, rows, columns)."""
        return orthogonalise(directions)
