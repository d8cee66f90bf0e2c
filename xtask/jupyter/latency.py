"""Times what a reader waits for: one kernel, started as Jupyter would, and the cells given, each until its reply.

    latency.py KERNEL FOLDER < CELLS > TIMES

KERNEL is the program of the kernel, FOLDER where it starts, CELLS a JSON list of sources; TIMES is a JSON object.
"""

import json
import sys
import time

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager


class Manager(KernelManager):
    @property
    def kernel_spec(self):
        return KernelSpec(
            argv=[sys.argv[1], "{connection_file}"], language="rust", display_name="Rust", interrupt_mode="message"
        )


def main():
    cells = json.load(sys.stdin)
    manager = Manager()
    start = time.monotonic()
    manager.start_kernel(cwd=sys.argv[2])
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=600)
    times = {"start": time.monotonic() - start, "cells": []}
    try:
        for cell in cells:
            start = time.monotonic()
            shown = []
            reply = client.execute_interactive(cell, output_hook=shown.append, timeout=600)
            times["cells"].append(time.monotonic() - start)
            complaints = [m for m in shown if m["content"].get("name") == "stderr" or m["msg_type"] == "error"]
            if reply["content"]["status"] != "ok" or complaints:
                sys.exit(f"a cell of the measurement failed: {cell}\n{complaints}")
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    json.dump(times, sys.stdout)


if __name__ == "__main__":
    main()
