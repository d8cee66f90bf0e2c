"""Rust cells in a Python notebook: `%%rust` sends a cell to the kernel of the course, and shows what that answers.

    import candlelight_rust
    candlelight_rust.start("candlelight", "notebooks")

The first argument is the repository of the course, the second the folder in it where the cells run. Written for Google Colab,
whose notebooks stay on Python; it needs IPython and jupyter_client, which every notebook of Python has.
"""

import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from queue import Empty

from IPython import get_ipython
from IPython.display import clear_output, publish_display_data
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

#: The Rust that is installed where there is none: that of the project's releases.
TOOLCHAIN = "1.95.0"
#: Seconds until the kernel answers for the first time, on a slow machine too.
START = 300

_rust = None


class RustError(Exception):
    """A Rust cell failed. What the kernel says of it is shown in place of Python's traceback."""

    def __init__(self, content):
        super().__init__(content["evalue"])
        self.lines = content["traceback"]

    def _render_traceback_(self):
        return self.lines


class Manager(KernelManager):
    """Starts one program, without a kernel specification on the disk."""

    program = None

    @property
    def kernel_spec(self):
        return KernelSpec(argv=[self.program, "{connection_file}"], language="rust", interrupt_mode="message")


class Rust:
    """One Rust kernel; its cells run one after another and share their variables."""

    def __init__(self, program, folder):
        self.manager = Manager()
        self.manager.program = str(program)
        self.manager.start_kernel(cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=START)

    def run(self, code):
        """Runs a cell to its end, shows its output as it comes, and raises what failed."""
        request = self.client.execute(code, allow_stdin=False)
        failure = None
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except Empty:
                if not self.manager.is_alive():
                    raise RuntimeError("the Rust kernel has ended; run the first cell again") from None
                # An interrupt that came while a message was read may have lost the last one.
                if self.has_replied(request):
                    break
                continue
            except KeyboardInterrupt:
                # A training ends, and the variables stay.
                self.manager.interrupt_kernel()
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind == "error":
                failure = content
            else:
                show(kind, content)
        if failure:
            raise RustError(failure)

    def has_replied(self, request):
        while True:
            try:
                reply = self.client.get_shell_msg(timeout=0)
            except Empty:
                return False
            if reply["parent_header"].get("msg_id") == request:
                return True

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def show(kind, content):
    """Shows one message of a cell below the cell that is running."""
    if kind == "stream":
        stream = sys.stderr if content["name"] == "stderr" else sys.stdout
        stream.write(content["text"])
        stream.flush()
    elif kind in ("display_data", "execute_result", "update_display_data"):
        publish_display_data(
            content["data"],
            content["metadata"],
            transient=content.get("transient") or {},
            update=kind == "update_display_data",
        )
    elif kind == "clear_output":
        clear_output(wait=content["wait"])


def watch(command, **options):
    """Runs a command to its end, with what it says below the cell."""
    options |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with subprocess.Popen(command, **options) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")


def set_up(home):
    """Installs Rust, if there is none, and all that the kernel needs. Nothing is done twice."""
    if not shutil.which("cargo"):
        programs = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "bin"
        if not (programs / "cargo").exists():
            script = urllib.request.urlopen("https://sh.rustup.rs", timeout=60).read()
            words = ["-y", "--profile", "minimal", "--component", "rust-src", "--default-toolchain", TOOLCHAIN]
            subprocess.run(["sh", "-s", "--", "--quiet", *words], input=script, check=True)
        os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    watch(["cargo", "xtask", "setup", "--kernel-only"], cwd=home)


def start(home, folder="notebooks"):
    """Prepares the kernel, starts it, and teaches this notebook `%%rust`. Called again, it starts another.

    The kernel ends with the notebook's own: it looks after its parent.
    """
    global _rust
    home = Path(home).resolve()
    set_up(home)
    if _rust:
        _rust.stop()
    _rust = Rust(home / "target/lab/bin/candlelight-kernel", home / folder)
    get_ipython().register_magic_function(lambda line, cell: _rust.run(cell), "cell", "rust")
    print("Rust is ready.")
