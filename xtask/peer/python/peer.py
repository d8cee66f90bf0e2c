"""The workloads of `cargo xtask bench --peer torch` on PyTorch, eager, on the CPU or on a card.

Takes and answers the lines that ../src/main.rs describes. The first argument is the number of threads, the second, if there is
one, that of ranks: so many processes then train together (ranks.py), and this one speaks for them. The third is `cpu`, or `cuda`
for the first card (device.py), where there are the training steps of steps.py. A workload has variants,
prepared side by side: `plain`, and `fused` for the optimizer's fused kernel; epochs also have `indexed`, agents `lean`,
environments in a vector `native`, and networks that only predict `frozen` and `optimized`.
"""

import gc
import json
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = sys.argv[1]

import torch  # noqa: E402  after the number of threads is known

import device  # noqa: E402
import epochs  # noqa: E402
import instructions  # noqa: E402
import layers  # noqa: E402
import memory  # noqa: E402
import ranks  # noqa: E402
import steps  # noqa: E402

CONVOLUTIONS = {"16": 28, "64": 14, "128": 7}
"""Channels, and the side of the image."""


def make(workload, variant):
    """The task of a workload, or none where PyTorch has none of that name."""
    torch.manual_seed(0)
    match workload.split("_"):
        case ["conv", channels, "forward"]:
            return layers.conv_forward(int(channels), CONVOLUTIONS[channels])
        case ["conv", channels, "backward"]:
            return layers.conv_backward(int(channels), CONVOLUTIONS[channels])
    if maker := steps.SIZED.get(workload):
        return maker(variant, steps.LARGE)
    maker = next((getattr(module, workload) for module in modules() if hasattr(module, workload)), None)
    return maker and maker(variant)


def modules():
    """Where workloads are. Agents live in environments of the CPU; what those need is not installed beside a PyTorch for cards."""
    if device.IS_CARD:
        return [steps]
    import agents

    return [steps, layers, epochs, agents]


def timed(task, count, read):
    """Milliseconds a step, with the loss read as `read` says. Collecting garbage is left for later, as in Python's own timeit."""
    gc.collect()
    gc.disable()
    with task.mode():
        device.wait()
        start = time.perf_counter()
        task.run(count, read)
        seconds = time.perf_counter() - start
    gc.enable()
    return seconds / count * 1e3


def answer(request, prepared):
    workload, variant, count = (request.get(key) for key in ("workload", "variant", "steps"))
    match request["do"]:
        case "hello":
            together = f" on {ranks.count()} ranks" if ranks.count() > 1 else ""
            versions = f"PyTorch {torch.__version__}{together}{device.told()}"
            in_use = None if device.IS_CARD else instructions.in_use()
            return {"versions": versions, "instructions": in_use, "threads": torch.get_num_threads()}
        case "drop":
            prepared.clear()
            return {}
        case "prepare":
            task = make(workload, variant)
            if task is None:
                return {"results": None}
            prepared[variant] = task
            return {"results": task.check()}
        case "time":
            return {"ms": timed(prepared[variant], count, request.get("read"))}
        case "memory":
            task = make(workload, variant)
            before = task and memory.reset_peak()
            if before is None:
                return {"mb": None}
            for _ in range(count):
                task.step()
            return {"mb": (memory.peak() - before) / 1e6}
        case other:
            return {"error": f"there is nothing to do called {other}"}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    device.start()
    ranks.start(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    prepared = {}
    for line in sys.stdin:
        ranks.tell(line)
        try:
            result = answer(json.loads(line), prepared)
        except Exception as error:  # Whatever it is, the asking program shows it.
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
