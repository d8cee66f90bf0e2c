"""Training steps and forward passes of whole networks."""

import warnings

import torch
from torch import nn
from torch.nn import functional as F

import networks
import ranks
import shared
from device import DEVICE
from task import Task, adam, sgd, start, training


def mlp_adam(variant, batch=64):
    return classifier(networks.Mlp(), (batch, 784), adam(variant))


def mlp_sgd(variant, batch=64):
    return classifier(networks.Mlp(), (batch, 784), sgd(variant))


def lenet_sgd(variant, batch=64):
    return classifier(networks.LeNet(), (batch, 1, 28, 28), sgd(variant))


def resnet_sgd(variant):
    return classifier(networks.ResNet(1, [(16, 3)]), (64, 1, 28, 28), sgd(variant))


def resnet20_sgd(variant, batch=128):
    return classifier(networks.ResNet(3, [(16, 3), (32, 3), (64, 3)]), (batch, 3, 32, 32), sgd(variant))


def lstm_sgd(variant, batch=32):
    return classifier(networks.Recurrent(nn.LSTM), (batch, 64, 32), sgd(variant))


LARGE = 1024
SIZED = {f"{maker.__name__}_{LARGE}": maker for maker in (mlp_adam, mlp_sgd, lenet_sgd, resnet20_sgd, lstm_sgd)}
"""Those that are trained in batches of 1024 as well."""


def gru_sgd(variant):
    return classifier(networks.Recurrent(nn.GRU), (32, 64, 32), sgd(variant))


def rnn_sgd(variant):
    return classifier(networks.Recurrent(nn.RNN), (32, 64, 32), sgd(variant))


def lenet_forward(_):
    return forward(networks.LeNet(), (64, 1, 28, 28))


def resnet_forward(_):
    return forward(networks.ResNet(1, [(16, 3)]), (64, 1, 28, 28))


def lenet_latency(variant):
    return latency(networks.LeNet(), (1, 1, 28, 28), variant)


def resnet20_latency(variant):
    return latency(networks.ResNet(3, [(16, 3), (32, 3), (64, 3)]), (1, 3, 32, 32), variant)


def dcgan_step(variant):
    """One step of the discriminator and one of the generator, on the same fake images, as in PyTorch's tutorial."""
    module = nn.ModuleDict({"g": networks.Generator(), "d": networks.Discriminator()})
    generator, discriminator = module["g"], module["d"]
    optimizer = adam(variant, lr=2e-4, betas=(0.5, 0.999))
    adam_g, adam_d = optimizer(generator.parameters()), optimizer(discriminator.parameters())
    images, z = shared.input("images", 64, 1, 28, 28), shared.input("z", 64, 64)
    ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)

    def step():
        adam_d.zero_grad(set_to_none=True)
        fake = generator(z)
        d_loss = F.binary_cross_entropy_with_logits(discriminator(images), ones)
        d_loss = d_loss + F.binary_cross_entropy_with_logits(discriminator(fake.detach()), zeros)
        d_loss.backward()
        adam_d.step()
        adam_g.zero_grad(set_to_none=True)
        g_loss = F.binary_cross_entropy_with_logits(discriminator(fake), ones)
        g_loss.backward()
        adam_g.step()
        return {"d_loss": d_loss, "g_loss": g_loss}

    return Task(step, module)


def wgan_gp_step(variant):
    """One step of a critic with a gradient penalty, by the gradient of a gradient, as in public implementations."""
    module = networks.Critic()
    optimizer = adam(variant, lr=1e-4, betas=(0.5, 0.9))(module.parameters())
    real, fake = shared.input("real", 64, 1, 28, 28), shared.input("fake", 64, 1, 28, 28)
    shares = (shared.input("shares", 64, 1, 1, 1) + 1) * 0.5

    def step():
        optimizer.zero_grad(set_to_none=True)
        between = torch.lerp(fake, real, shares).requires_grad_()
        (slopes,) = torch.autograd.grad(module(between).sum(), between, create_graph=True)
        penalty = 10 * (slopes.flatten(1).norm(dim=1) - 1).square().mean()
        loss = module(fake).mean() - module(real).mean() + penalty
        loss.backward()
        optimizer.step()
        return {"loss": loss, "penalty": penalty}

    return Task(step, module)


def dqn_step(variant):
    """A step of temporal-difference learning with a target network."""
    module, frozen = (nn.ModuleDict({name: networks.QNet()}) for name in ("online", "target"))
    start(frozen)
    online, target = module["online"], frozen["target"]
    states, following = shared.input("states", 128, 4), shared.input("next", 128, 4)
    actions = shared.labels("actions", 128, 2).unsqueeze(1)
    rewards = shared.input("rewards", 128)
    going_on = (shared.labels("done", 128, 10) != 0).float()

    def loss():
        with torch.no_grad():
            wanted = rewards + 0.99 * (target(following).max(1).values * going_on)
        return F.huber_loss(online(states).gather(1, actions).squeeze(1), wanted)

    return training(module, adam(variant), loss)


def classifier(module, shape, optimizer):
    x, y = shared.input(ranks.named("x"), *shape), shared.labels(ranks.named("y"), shape[0], 10)
    network = ranks.wrapped(module.to(DEVICE))
    return training(module, optimizer, lambda: F.cross_entropy(network(x), y))


def latency(module, shape, variant):
    """One image at a time. Entering the mode is left out of the steps: it takes 1.5 µs of the 90 of a LeNet."""
    start(module.eval())
    x = shared.input("x", *shape)
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        # TorchScript is deprecated. What is to replace it takes a C++ compiler.
        if variant == "frozen":
            module = torch.jit.freeze(torch.jit.trace(module, x))
        elif variant == "optimized":
            module = torch.jit.optimize_for_inference(torch.jit.trace(module, x))
    return Task(lambda: {"y": module(x)}, mode=torch.inference_mode)


def forward(module, shape):
    start(module.eval())
    x = shared.input("x", *shape)

    def step():
        with torch.inference_mode():
            return {"y": module(x)}

    return Task(step)
