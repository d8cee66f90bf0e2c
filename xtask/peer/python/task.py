"""A workload that is ready to run."""

from contextlib import nullcontext

import torch

import device
import ranks
import shared


class Task:
    """Work, and the module whose parameters and running statistics it changes."""

    def __init__(self, step, module=None, check=None, mode=nullcontext):
        """`step` does the same work every time and returns results by name; `check`, of the number 1, 2 or 3, replaces it for
        the comparison where `step` goes by chance. Steps run in the context that `mode` makes, which is entered once for many."""
        self.step = step
        self.mode = mode
        self.changing = start(module) if module else {}
        self.check_step = check or (lambda number: step())

    def check(self):
        """Digests of the results and of the changes of the parameters after the first and the third step."""
        digests = {}
        for number in (1, 2, 3):
            with self.mode():
                results = self.check_step(number)
            if number == 2:
                continue
            for name, value in results.items():
                value = ranks.mean(value) if name == "loss" else value
                digests[f"{name}, step {number}"] = shared.digest(name, value)
            for name, value in self.changing.items():
                change = value.detach() - shared.parameter(name, value.shape)
                digests[f"change of {name}, step {number}"] = shared.digest(name, change)
        return digests

    def run(self, count, read):
        """So many steps: `None` reads no loss, `each` the loss of each step, `end` that of the last. The card is waited for."""
        for _ in range(count):
            results = self.step()
            if read == "each":
                results["loss"].item()
        if read == "end":
            results["loss"].item()
        device.wait()


def start(module):
    """Gives the parameters and running statistics the values that all programs start from."""
    state = {name: value for name, value in module.state_dict(keep_vars=True).items() if value.is_floating_point()}
    with torch.no_grad():
        for name, value in state.items():
            value.copy_(shared.parameter(name, value.shape))
    return state


def training(module, make_optimizer, loss_of):
    """A step of the optimizer on a loss."""
    changing = module
    optimizer = make_optimizer(module.parameters())

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return {"loss": loss}

    return Task(step, changing)


def adam(variant, **settings):
    """Adam, by the fused kernel in the variant of that name."""
    return lambda parameters: torch.optim.Adam(parameters, **settings, **fused(variant))


def sgd(variant):
    """Plain gradient descent, by the fused kernel in the variant of that name."""
    return lambda parameters: torch.optim.SGD(parameters, lr=0.01, **fused(variant))


def fused(variant):
    """Left alone PyTorch chooses for itself, on a CPU the plain loop."""
    return {"fused": True} if "fused" in variant else {}
