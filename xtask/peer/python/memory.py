"""Memory of this process, as Linux counts it."""

from pathlib import Path


def reset_peak():
    """Forgets the peak so far; the present size in bytes, or None without Linux's /proc."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return read("VmRSS:")


def peak():
    """The largest size since `reset_peak`, in bytes."""
    return read("VmHWM:")


def read(name):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024
