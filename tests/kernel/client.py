"""A Jupyter client for the tests: one kernel, its cells, and all that they showed, in order."""

import os
import subprocess
import time
from pathlib import Path
from queue import Empty

from jupyter_client.manager import KernelManager

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SECONDS = 300


def below(pid):
    """The processes that a process has started, and theirs."""
    table = [line.split() for line in subprocess.check_output(["ps", "-eo", "pid,ppid"], text=True).splitlines()[1:]]
    found, open_ = [], [pid]
    while open_:
        parent = open_.pop()
        children = [int(own) for own, other in table if int(other) == parent]
        found, open_ = found + children, open_ + children
    return found


def told(pid, what):
    """What `ps` says of a process; nothing where there is none."""
    return subprocess.run(["ps", "-o", f"{what}=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()


class Result:
    """The reply to one cell, and its messages."""

    def __init__(self, reply, messages):
        self.reply, self.messages = reply["content"], messages
        self.status = self.reply["status"]

    def of(self, kind):
        return [m["content"] for m in self.messages if m["msg_type"] == kind]

    def text(self, stream="stdout"):
        return "".join(content["text"] for content in self.of("stream") if content["name"] == stream)

    @property
    def error(self):
        return (self.of("error") or [None])[0]

    @property
    def trace(self):
        """The traceback without colours."""
        text = "\n".join(self.error["traceback"])
        while "\x1b[" in text:
            start = text.index("\x1b[")
            text = text[:start] + text[text.index("m", start) + 1 :]
        return text

    def shown(self):
        return [m["content"]["data"] for m in self.messages if m["msg_type"] in ("display_data", "execute_result")]


class Kernel:
    """A kernel of the course, started as Jupyter starts it."""

    def __init__(self, name="rust", **options):
        self.manager = KernelManager(kernel_name=name)
        # A backtrace is shown to those who ask for it.
        environment = {name: value for name, value in os.environ.items() if name != "RUST_BACKTRACE"}
        self.manager.start_kernel(cwd=str(NOTEBOOKS), env=environment, **options)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=False)

    @property
    def pid(self):
        return self.manager.provisioner.pid

    def send(self, code, **options):
        return self.client.execute(code, **options)

    def wait(self, message_id, each=None):
        """Everything until the cell is over; `each` sees each message as it comes."""
        messages, reply, idle = [], None, False
        end = time.monotonic() + SECONDS
        while (reply is None or not idle) and time.monotonic() < end:
            try:
                message = self.client.get_iopub_msg(timeout=0.02)
                if message["parent_header"].get("msg_id") == message_id:
                    messages.append(message)
                    idle = idle or message["content"].get("execution_state") == "idle"
                    if each:
                        each(message)
            except Empty:
                pass
            if reply is None:
                try:
                    message = self.client.get_shell_msg(timeout=0.001)
                    reply = message if message["parent_header"].get("msg_id") == message_id else None
                except Empty:
                    pass
        assert reply is not None and idle, f"no end after {SECONDS} s: {messages}"
        return Result(reply, messages)

    def run(self, code, each=None, **options):
        return self.wait(self.send(code, **options), each)

    def interrupt(self):
        self.manager.interrupt_kernel()

    def ask(self, message_id):
        """The reply to a request that shows nothing."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            message = self.client.get_shell_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") == message_id:
                return message["content"]
        raise AssertionError("no reply")
