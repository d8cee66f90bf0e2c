"""Single layers and the optimizer. Gradients are those of the parameters and of the input."""

import torch
from torch import nn
from torch.nn import functional as F

import shared
from task import Task, fused, start

SHAPES = {
    "fc1.weight": (1024, 784),
    "fc1.bias": (1024,),
    "fc2.weight": (1024, 1024),
    "fc2.bias": (1024,),
    "fc3.weight": (256, 1024),
    "fc3.bias": (256,),
    "fc4.weight": (10, 256),
    "fc4.bias": (10,),
}
"""The layers of an MLP 784-1024-1024-256-10: 2.1 million parameters."""


def adamw_step(variant):
    module = nn.ModuleDict({f"fc{i}": nn.Linear(1, 1) for i in range(1, 5)})
    for name, shape in SHAPES.items():
        layer, part = name.split(".")
        setattr(module[layer], part, nn.Parameter(torch.empty(shape)))
    task = Task(lambda: optimizer.step() or {}, module)
    for name, parameter in module.named_parameters():
        parameter.grad = shared.input(f"gradient of {name}", *SHAPES[name])
    optimizer = torch.optim.AdamW(module.parameters(), **fused(variant))
    return task


def layer_norm(_):
    return forward_and_backward(nn.LayerNorm(256), (4096, 256))


def batch_norm2d(_):
    return forward_and_backward(nn.BatchNorm2d(64), (64, 64, 28, 28))


def cross_entropy(_):
    x = shared.input("x", 4096, 1000).requires_grad_()
    labels = shared.labels("y", 4096, 1000)

    def step():
        x.grad = None
        y = F.cross_entropy(x, labels)
        y.backward()
        return {"y": y, "x.grad": x.grad}

    return Task(step)


def blur_pool(_):
    """The filter [1 2 1] / 4 along rows and columns, after reflected padding."""
    row = torch.tensor([1.0, 2.0, 1.0]) / 4
    weight = (row[:, None] * row).expand(64, 1, 3, 3).contiguous()
    x = shared.input("x", 64, 64, 28, 28).requires_grad_()
    gradient = shared.input("gradient", 64, 64, 14, 14)

    def step():
        x.grad = None
        y = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight, stride=2, groups=64)
        y.backward(gradient)
        return {"y": y, "x.grad": x.grad}

    return Task(step)


def conv_forward(channels, side):
    module, x = conv(channels, side)
    x.requires_grad_(False)

    def step():
        with torch.inference_mode():
            return {"y": module(x)}

    return Task(step)


def conv_backward(channels, side):
    """The backward pass alone, again and again over one forward pass."""
    module, x = conv(channels, side)
    y = module(x)
    gradient = shared.input("gradient", *y.shape)
    inputs = {"x": x, **dict(module.named_parameters())}

    def step():
        gradients = torch.autograd.grad(y, list(inputs.values()), gradient, retain_graph=True)
        return {"y": y} | {f"{name}.grad": value for name, value in zip(inputs, gradients)}

    return Task(step)


def conv(channels, side):
    module = nn.Conv2d(channels, channels, 3, padding=1)
    start(module)
    return module, shared.input("x", 64, channels, side, side).requires_grad_()


def forward_and_backward(module, shape):
    start(module)
    x = shared.input("x", *shape).requires_grad_()
    gradient = shared.input("gradient", *shape)
    inputs = {"x": x, **dict(module.named_parameters())}

    def step():
        for value in inputs.values():
            value.grad = None
        y = module(x)
        y.backward(gradient)
        return {"y": y} | {f"{name}.grad": value.grad for name, value in inputs.items()}

    return Task(step)
