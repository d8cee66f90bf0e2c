"""Solutions folded below the exercises that they answer."""

import re

HEADING = re.compile(r"^(#+) (.*)$")
EXERCISE = re.compile(r"^#+ (Exercise \d+)\b")


def pieces(cells):
    """The cells, those of text cut before each heading."""
    for cell in cells:
        if cell["cell_type"] != "markdown":
            yield None, cell
            continue
        parts, fenced = [[]], False
        for line in "".join(cell["source"]).splitlines(keepends=True):
            fenced ^= line.startswith("```")
            if not fenced and HEADING.match(line) and parts[-1]:
                parts.append([])
            parts[-1].append(line)
        for part in parts:
            heading = part[0].strip() if part and HEADING.match(part[0]) else None
            yield heading, {**cell, "source": part}


def raised(source):
    """Text of a notebook of solutions with its links as they are one folder higher."""
    source = re.sub(r"\]\((?!\.\./|#|[a-z]+:)", "](solutions/", source)
    return source.replace("](../", "](")


def answers(notebook):
    """The cells of each exercise in a notebook of solutions, without the heading, for a page one folder higher."""
    found, name = {}, None
    for heading, cell in pieces(notebook["cells"]):
        if heading:
            exercise = EXERCISE.match(heading)
            name = exercise[1] if exercise else None
            cell = {**cell, "source": cell["source"][1:]}
        if cell["cell_type"] == "markdown":
            cell = {**cell, "source": raised("".join(cell["source"]))}
        if name and "".join(cell["source"]).strip():
            found.setdefault(name, []).append(cell)
    return found


def text(source):
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def with_solutions(notebook, solutions, address):
    """A notebook with the answer to each exercise folded below it."""
    found, cells, name = answers(solutions), [], None

    def close():
        if name in found:
            cells.append(text(f'<details class="solution"><summary>Solution of {name.lower()}</summary>'))
            cells.extend(found.pop(name))
            cells.append(text(f"From [the notebook of solutions]({address}), where what it builds on stands too."))
            cells.append(text("</details>"))

    for heading, cell in pieces(notebook["cells"]):
        if heading:
            close()
            exercise = EXERCISE.match(heading)
            name = exercise[1] if exercise else None
        cells.append(cell)
    close()
    return {**notebook, "cells": cells}, found
