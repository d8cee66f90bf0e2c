"""A pass over the full Fashion-MNIST in batches of 64, in an order drawn anew.

Two ways: a DataLoader over a TensorDataset, as a course writes it, and rows of the whole tensor by index.
"""

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import networks
import shared
from shared import BATCH
from task import Task, sgd


def epoch_mlp(variant):
    return epoch(networks.Mlp(), (784,), variant)


def epoch_lenet(variant):
    return epoch(networks.LeNet(), (1, 28, 28), variant)


def epoch(module, dims, variant):
    images, labels = shared.fashion_mnist(*dims)
    optimizer = sgd(variant)(module.parameters())
    loader = DataLoader(TensorDataset(images, labels), batch_size=BATCH, shuffle=True)

    def indexed():
        for rows in torch.randperm(len(images)).split(BATCH):
            yield images[rows], labels[rows]

    def train(x, y):
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(module(x), y)
        loss.backward()
        optimizer.step()
        return loss

    def step():
        total = 0.0
        for x, y in indexed() if "indexed" in variant else loader:
            total += train(x, y).item() * len(x)
        return {"loss": torch.tensor(total / len(images))}

    def check(number):
        rows = slice((number - 1) * BATCH, number * BATCH)
        return {"loss": train(images[rows], labels[rows])}

    return Task(step, module, check)
