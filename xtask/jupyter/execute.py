"""Executes one notebook on its kernel, from top to bottom, as JupyterLab's "Run All" would.

    execute.py NOTEBOOK FOLDER EXECUTED TIMES

The cells run in FOLDER. EXECUTED receives the notebook with what its cells showed, TIMES a JSON object: the seconds until the kernel answered, the
seconds of each cell that ran, and, if the run stopped and the outputs do not say why, the cell that it stopped at and what
happened to it. Whether the notebook passes is decided by the caller; this program fails only where there is nothing to
decide about, with one line that says why.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from queue import Empty

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import run_sync

CELL_SECONDS = 900

#: evcxr sends what a cell wrote to standard error by another thread, and may do so after its reply.
LATE_SECONDS = 0.1
#: How long a cell that must fail is waited for.
FAILURE_SECONDS = 5


def read_late(client, cell, index):
    """Takes what the kernel still sends for the cell after its reply."""
    must_fail = "raises-exception" in cell.metadata.get("tags", [])
    end = time.monotonic() + (FAILURE_SECONDS if must_fail else 0)
    while True:
        try:
            client.process_message(run_sync(client.kc.get_iopub_msg)(timeout=LATE_SECONDS), cell, index)
        except Empty:
            failed = any(o.output_type == "error" or o.get("name") == "stderr" for o in cell.outputs)
            if failed or time.monotonic() >= end:
                return


def last_line(said):
    """What the kernel said last to its own standard error, after a colon, if it said anything."""
    said.seek(0)
    lines = said.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {last}" if last else ""


def run(client, times, said):
    """Runs the cells; what happened to which cell, if the run stopped and its outputs do not say why."""
    notebook = client.nb
    start = time.monotonic()
    try:
        with client.setup_kernel(stderr=said):
            times["kernel_start"] = round(time.monotonic() - start, 3)
            info = client.wait_for_reply(client.kc.kernel_info())
            if info is not None:
                notebook.metadata["language_info"] = info["content"]["language_info"]
            for index, cell in enumerate(notebook.cells):
                try:
                    client.execute_cell(cell, index)
                    if times["cells"][index] is not None:
                        read_late(client, cell, index)
                except CellExecutionError as error:
                    shown = any(output.output_type == "error" for output in cell.outputs)
                    return None if shown else (index, f"failed: {error.ename}: {error.evalue}")
                except CellTimeoutError:
                    return index, f"ran for more than {CELL_SECONDS} s"
                except DeadKernelError:
                    return index, f"was running when the kernel died{last_line(said)}"
    except NoSuchKernel as error:
        return None, f"names the kernel `{error.name}`, which is not installed; set-up installs `rust`"
    except (RuntimeError, TimeoutError) as error:
        if times["kernel_start"] is not None:
            raise
        return None, f"has a kernel that did not start ({str(error).rstrip('.')}){last_line(said)}"


def main(source, folder, executed, times_file):
    notebook = nbformat.read(source, as_version=4)
    times = {"kernel_start": None, "cells": [None] * len(notebook.cells), "stopped": None}
    started = {}

    def cell_starts(cell, cell_index):
        started[cell_index] = time.monotonic()

    def cell_ends(cell, cell_index, execute_reply):
        times["cells"][cell_index] = round(time.monotonic() - started[cell_index], 3)

    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name=notebook.metadata.get("kernelspec", {}).get("name", "rust"),
        resources={"metadata": {"path": str(Path(folder).resolve())}},
        record_timing=False,
        startup_timeout=600,
        on_cell_execute=cell_starts,
        on_cell_executed=cell_ends,
    )
    client.reset_execution_trackers()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = []
    with tempfile.TemporaryFile() as said:
        if stopped := run(client, times, said):
            times["stopped"] = dict(zip(("cell", "message"), stopped))
    nbformat.write(notebook, executed)
    Path(times_file).write_text(json.dumps(times))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # A traceback through three libraries tells nobody which notebook it was.
        sys.exit(f"{sys.argv[1]}: {type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}")
