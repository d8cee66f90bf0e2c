"""Fetches a file over HTTP or HTTPS, whole or not at all.

    fetch.py ADDRESS FILE BYTES

At most BYTES are taken. With the standard library alone: it runs before anything is installed.
"""

import os
import sys
import time
import urllib.parse
import urllib.request

#: Seconds that a server may be silent, and that all may take.
SILENCE, ALL = 30, 900


def fetch(address, file, most):
    if not address.startswith(("http://", "https://")):
        raise ValueError("an address begins with http:// or https://")
    # No proxy stands between this machine and itself.
    own = urllib.parse.urlsplit(address).hostname in ("127.0.0.1", "localhost")
    opener = urllib.request.build_opener(*[urllib.request.ProxyHandler({})] * own)
    end = time.monotonic() + ALL
    with opener.open(address, timeout=SILENCE) as answer, open(file + ".part", "wb") as part:
        announced = answer.headers.get("Content-Length")
        got = 0
        while chunk := answer.read(1 << 16):
            got += len(chunk)
            if got > most:
                raise ValueError(f"it is longer than {most} bytes")
            if time.monotonic() > end:
                raise TimeoutError(f"it takes longer than {ALL} s")
            part.write(chunk)
        if announced is not None and got != int(announced):
            raise ValueError(f"{got} bytes came, of {announced}")
    os.replace(file + ".part", file)


if __name__ == "__main__":
    try:
        fetch(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    except Exception as error:  # One sentence for the person at the terminal.
        sys.exit(f"{sys.argv[1]} cannot be fetched ({error})")
