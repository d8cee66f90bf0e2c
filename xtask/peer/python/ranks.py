"""Several processes that train together, by PyTorch's DistributedDataParallel over gloo. The first starts the others and tells
them every line that it is told.
"""

import os
import socket
import subprocess
import sys

from torch import distributed
from torch.nn.parallel import DistributedDataParallel

others = []


def start(count):
    if count < 2:
        return
    rank = int(os.environ.get("RANK", 0))
    if rank == 0:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        # The loopback interface: what is measured is one machine.
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
        for other in range(1, count):
            command = [sys.executable, "-B", *sys.argv]
            environment = os.environ | {"RANK": str(other)}
            others.append(
                subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
            )
    distributed.init_process_group("gloo", rank=rank, world_size=count)


def tell(line):
    for other in others:
        other.stdin.write(line)
        other.stdin.flush()


def count():
    return distributed.get_world_size() if distributed.is_initialized() else 1


def named(name):
    """The name of this rank's numbers: each has inputs of its own."""
    rank = distributed.get_rank() if distributed.is_initialized() else 0
    return f"{name} of rank {rank}" if rank else name


def wrapped(module):
    return DistributedDataParallel(module) if distributed.is_initialized() else module


def mean(value):
    """The mean over the ranks, of a loss."""
    if not distributed.is_initialized():
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total / count()
