"""One warm kernel, kept ready: a Rust kernel takes some ten seconds to load Candle, and a reader should not wait for it.

The spare is started with the server. A notebook in the folder of the course takes it over, and the next one is started
a little later. A kernel of another folder, or of another language, is started as usual.
"""

import atexit
import os
import signal
import subprocess
import threading
from pathlib import Path

from jupyter_client.connect import write_connection_file
from jupyter_client.launcher import launch_kernel
from jupyter_client.provisioning import LocalProvisioner

#: After a notebook took the spare, the next one waits: its start would slow down the first cells.
PAUSE_SECONDS = 30


class Spare:
    """A kernel that runs and belongs to nobody yet."""

    def __init__(self, launcher, folder):
        self.file, self.connection = write_connection_file(key=os.urandom(32).hex().encode())
        self.process = launch_kernel([launcher, self.file], cwd=folder)

    def runs(self):
        return self.process.poll() is None

    def discard(self):
        if self.runs():
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
        Path(self.file).unlink(missing_ok=True)


_launcher = _folder = _spare = None
_lock = threading.Lock()


def keep(launcher, folder):
    """Starts the first spare; from now on there is one."""
    global _launcher, _folder
    _launcher, _folder = launcher, str(Path(folder).resolve())
    atexit.register(_discard)
    _start()


def take(argv, folder):
    """The spare, if a kernel of this kind in this folder is wanted and it runs."""
    global _spare
    if not argv or argv[0] != _launcher or str(Path(folder or ".").resolve()) != _folder:
        return None
    with _lock:
        spare, _spare = _spare, None
    timer = threading.Timer(PAUSE_SECONDS, _start)
    timer.daemon = True
    timer.start()
    return spare if spare and spare.runs() else None


def _start():
    global _spare
    with _lock:
        if _spare is None or not _spare.runs():
            _spare = Spare(_launcher, _folder)


def _discard():
    with _lock:
        if _spare:
            _spare.discard()


class SpareProvisioner(LocalProvisioner):
    """Starts kernels as usual, or hands out the spare."""

    _spare = None

    async def launch_kernel(self, cmd, **kwargs):
        # A restart keeps the ports, to which the page is connected.
        if self.pid is not None:
            return await super().launch_kernel(cmd, **kwargs)
        spare = take(self.kernel_spec.argv, kwargs.get("cwd"))
        if spare is None:
            return await super().launch_kernel(cmd, **kwargs)
        self._spare = spare
        self.process = spare.process
        self.pid = self.pgid = spare.process.pid
        self.cwd = _folder
        self.connection_info = spare.connection | {"key": spare.connection["key"].encode()}
        return self.connection_info

    async def cleanup(self, restart=False):
        # Not before: a spare that was taken at once may still have to read it.
        if self._spare:
            Path(self._spare.file).unlink(missing_ok=True)
        await super().cleanup(restart)
