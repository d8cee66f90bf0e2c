"""Notebooks as text, and text as notebooks.

    twins.py NOTEBOOK...
    twins.py --write FROM TO FROM TO...

Prints a JSON list with the MyST Markdown of each notebook, without touching a file; or makes each second file from the first,
a notebook with the outputs that it has.
One process for all: starting jupytext takes longer than its work.
"""

import json
import sys

import jupytext
from jupytext.cli import jupytext as convert

if __name__ == "__main__":
    files = sys.argv[1:]
    if files[:1] == ["--write"]:
        for source, made in zip(files[1::2], files[2::2]):
            # Not `--sync`, which passes in silence over files that do not name their pair themselves.
            how = ["--update", "--to", "ipynb"] if made.endswith(".ipynb") else ["--to", "md:myst"]
            convert(["--quiet", *how, "--output", made, source])
    else:
        print(json.dumps([jupytext.writes(jupytext.read(notebook), fmt="md:myst") for notebook in files]))
