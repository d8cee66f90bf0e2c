"""Kernels come and go without leaving anything, and no message harms one."""

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import zmq
from client import Kernel, below, told

SESSIONS = Path(sys.prefix).parent / "kernel/sessions"
STARTS, AT_ONCE, RESTARTS = 100, 4, 30


def living():
    table = subprocess.check_output(["ps", "-eo", "pid,stat"], text=True).splitlines()[1:]
    return {int(pid) for pid, state in map(str.split, table) if not state.startswith("Z")}


def is_bound(port):
    with socket.socket() as probe:
        # Only a socket that listens is in the way then.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def gone(pids, folders, ports=(), seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        left = sorted(living().intersection(pids)) + [folder for folder in folders if folder.exists()]
        left += [f"port {port}" for port in ports if is_bound(port)]
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"left behind: {left}")


def start_and_end(turn):
    """A kernel answers before it has loaded the crate, and can end then; every 20th runs a cell. Every other one is killed."""
    kernel = Kernel()
    if turn % 20 == 0:
        assert kernel.run('println!("{}", 1);').text() == "1\n"
    pid, killed = kernel.pid, turn % 2 == 1
    pids, connection = [pid, *below(pid)], Path(kernel.manager.connection_file)
    ports = [port for name, port in kernel.manager.get_connection_info().items() if name.endswith("_port")]
    assert len(ports) == 5 and all(map(is_bound, ports)), ports
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=killed)
    folder = SESSIONS / str(pid)
    gone(pids, [connection] if killed else [connection, folder], ports)
    return folder


def kernels_leave_no_process_no_file_and_no_port():
    with ThreadPoolExecutor(AT_ONCE) as pool:
        folders = list(pool.map(start_and_end, range(STARTS)))
    # What killed ones have left, the next one removes.
    start_and_end(0)
    gone([], folders)


def a_kernel_that_ends_while_it_compiles_leaves_nothing():
    with Kernel() as kernel:
        kernel.run('println!("warm");')
        pid = kernel.pid
        # The compiler counts.
        count = "let mut i = 0u64; while i < 100_000_000 { i += 1; } i"
        kernel.send(f'#[allow(long_running_const_eval)] const COUNT: u64 = {{ {count} }}; println!("{{COUNT}}");')
        end = time.monotonic() + 20
        while not (compilers := [p for p in below(pid) if "rustc" in told(p, "args")]):
            assert time.monotonic() < end, "no compiler was started"
        time.sleep(0.3)
        compilers, folder = below(pid), SESSIONS / str(pid)
    gone(compilers, [folder])
    time.sleep(1)
    assert not folder.exists(), "it came back"


def a_kernel_can_be_restarted_again_and_again():
    with Kernel() as kernel:
        for turn in range(RESTARTS):
            kernel.manager.restart_kernel(now=turn % 2 == 1)
            kernel.client.wait_for_ready(timeout=300)
            if turn % 6 == 0:
                assert kernel.run(f'println!("{{}}", {turn});').text() == f"{turn}\n"
        assert kernel.run('println!("{}", 2);').text() == "2\n"


def a_kernel_ends_when_jupyter_is_killed():
    code = (
        "import sys, os; sys.path.insert(0, sys.argv[1]); from client import Kernel, below, told; kernel = Kernel(); "
        "print(kernel.pid, flush=True); os._exit(1)"
    )
    pid = int(subprocess.run([sys.executable, "-c", code, str(Path(__file__).parent)], capture_output=True, text=True).stdout)
    gone([pid, *below(pid)], [SESSIONS / str(pid)], seconds=20)


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


def a_kernel_needs_no_standard_input():
    with Kernel(stdin=subprocess.DEVNULL) as one, Kernel(preexec_fn=lambda: os.close(0)) as two:
        for kernel in (one, two):
            assert kernel.run('println!("{}", 4);').text() == "4\n"
            kernel.manager.restart_kernel(now=False)
            kernel.client.wait_for_ready(timeout=300)
            assert kernel.run('println!("{}", 5);').text() == "5\n"


def two_kernels_run_at_once():
    with Kernel() as one, Kernel() as two:
        for kernel, value in ((one, 1), (two, 2)):
            kernel.run(f"let own = {value};")
        assert [kernel.run('println!("{own}");').text() for kernel in (one, two)] == ["1\n", "2\n"]


HELPERS = ("main", "living", "is_bound", "gone", "start_and_end")


def main():
    for name, check in list(globals().items()):
        if callable(check) and getattr(check, "__module__", "") == "__main__" and name not in HELPERS:
            start = time.monotonic()
            check()
            print(f"ok   {time.monotonic() - start:5.1f} s  {name}", flush=True)


if __name__ == "__main__":
    main()
