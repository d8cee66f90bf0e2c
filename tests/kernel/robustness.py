"""Kernels come and go without leaving anything, and no message harms one."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import zmq
from client import Kernel

SESSIONS = Path(sys.prefix).parent / "kernel/sessions"
STARTS = 10


def below(pid):
    """The processes that a process has started, and theirs."""
    table = [line.split() for line in subprocess.check_output(["ps", "-eo", "pid,ppid"], text=True).splitlines()[1:]]
    found, open_ = [], [pid]
    while open_:
        parent = open_.pop()
        children = [int(own) for own, other in table if int(other) == parent]
        found, open_ = found + children, open_ + children
    return found


def alive(pid):
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def gone(pids, folders, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        left = [pid for pid in pids if alive(pid)] + [folder for folder in folders if folder.exists()]
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"left behind: {left}")


def kernels_leave_no_process_and_no_file():
    for turn in range(STARTS):
        kernel = Kernel()
        if turn == 0:
            assert kernel.run('println!("{}", 1);').text() == "1\n"
        pid = kernel.manager.provisioner.pid
        pids, connection = [pid, *below(pid)], Path(kernel.manager.connection_file)
        kernel.client.stop_channels()
        kernel.manager.shutdown_kernel(now=turn % 2 == 1)
        gone(pids, [connection] if turn % 2 else [connection, SESSIONS / str(pid)])


def a_kernel_can_be_restarted_again_and_again():
    with Kernel() as kernel:
        for _ in range(STARTS):
            kernel.manager.restart_kernel(now=False)
            kernel.client.wait_for_ready(timeout=300)
        assert kernel.run('println!("{}", 2);').text() == "2\n"


def a_kernel_ends_when_jupyter_is_killed():
    code = (
        "import sys, os; sys.path.insert(0, sys.argv[1]); from client import Kernel; kernel = Kernel(); "
        "print(kernel.manager.provisioner.pid, flush=True); os._exit(1)"
    )
    pid = int(subprocess.run([sys.executable, "-c", code, str(Path(__file__).parent)], capture_output=True, text=True).stdout)
    gone([pid, *below(pid)], [SESSIONS / str(pid)], 20)


def messages_that_are_none_do_no_harm():
    with Kernel() as kernel:
        info = kernel.client.get_connection_info()
        context = zmq.Context.instance()
        header = {"msg_id": "1", "username": "", "session": "s", "date": "", "msg_type": "execute_request", "version": "5.3"}
        parts = [json.dumps(part).encode() for part in (header, {}, {}, {"code": "1"})]
        sign = kernel.client.session.sign
        unknown = [json.dumps(header | {"msg_type": "no_such_request"}).encode(), *parts[1:]]
        messages = [
            [b""],
            [b"<IDS|MSG>"],
            [b"<IDS|MSG>", b""],
            [b"<IDS|MSG>", b"00" * 32, *parts],
            [b"<IDS|MSG>", sign(parts), *parts[:3]],
            [b"<IDS|MSG>", sign([b"{", *parts[1:]]), b"{", *parts[1:]],
            [b"<IDS|MSG>", sign(unknown), *unknown],
            [b"<IDS|MSG>", sign(parts), *parts],
            [b"no delimiter", b"\xff" * 1000],
        ]
        for channel in ("shell_port", "control_port", "stdin_port"):
            socket = context.socket(zmq.DEALER)
            socket.linger = 0
            socket.connect(f"tcp://{info['ip']}:{info[channel]}")
            for message in messages:
                socket.send_multipart(message)
            time.sleep(0.2)
            socket.close()
        assert kernel.run('println!("{}", 3);').text() == "3\n"


def two_kernels_run_at_once():
    with Kernel() as one, Kernel() as two:
        for kernel, value in ((one, 1), (two, 2)):
            kernel.run(f"let own = {value};")
        assert [kernel.run('println!("{own}");').text() for kernel in (one, two)] == ["1\n", "2\n"]


def main():
    for name, check in list(globals().items()):
        if callable(check) and getattr(check, "__module__", "") == "__main__" and name not in ("main", "below", "alive", "gone"):
            start = time.monotonic()
            check()
            print(f"ok   {time.monotonic() - start:5.1f} s  {name}", flush=True)


if __name__ == "__main__":
    main()
