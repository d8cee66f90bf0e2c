"""Writes the text twin of each notebook, without touching a file.

    twins.py NOTEBOOK...

Prints a JSON list with the MyST Markdown of each. One process for all: starting jupytext takes longer than its work.
"""

import json
import sys

import jupytext

if __name__ == "__main__":
    print(json.dumps([jupytext.writes(jupytext.read(notebook), fmt="md:myst") for notebook in sys.argv[1:]]))
