"""Asks the driver for its first card, with Python's standard library alone: before anything is compiled or installed for it.

The first argument is the driver's library. Prints {"name": ..., "capability": "90"}, the compute capability without its point, or
{"error": ...} with the words of the loader or of the driver.
"""

import ctypes
import json
import sys

MAJOR, MINOR = 75, 76
"""Attributes of a card: CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR."""


def card(library):
    driver = ctypes.CDLL(library)

    def call(name, *arguments):
        if error := getattr(driver, name)(*arguments):
            text = ctypes.c_char_p()
            driver.cuGetErrorString(error, ctypes.byref(text))
            raise OSError((text.value or f"error {error}".encode()).decode())

    def number(name, *arguments):
        value = ctypes.c_int()
        call(name, ctypes.byref(value), *arguments)
        return value.value

    call("cuInit", 0)
    if number("cuDeviceGetCount") == 0:
        raise OSError("the driver sees no card")
    first = number("cuDeviceGet", 0)
    name = ctypes.create_string_buffer(256)
    call("cuDeviceGetName", name, len(name), first)
    major, minor = (number("cuDeviceGetAttribute", attribute, first) for attribute in (MAJOR, MINOR))
    return {"name": name.value.decode(), "capability": f"{major}{minor}"}


try:
    print(json.dumps(card(sys.argv[1])))
except OSError as error:
    print(json.dumps({"error": str(error)}))
