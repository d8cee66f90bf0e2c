"""The tree that Sphinx reads.

    stage.py REPOSITORY FOLDER

Copies the notebooks and documents into FOLDER, and writes the pages that are made from them: the first, the list of solutions,
and a page for each file of the repository that another page links to. What has not changed is not written again.
"""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

import repository

# Pages of the documentation, in the order of the navigation; those that are not there are left out, and others in `docs` come last.
REFERENCE = ["docs/glossary.md", "reference.md", "docs/distributed.md", "docs/traceability.md"]
MAKING = ["docs/architecture.md", "docs/decisions.md", "docs/upstream.md", "CONTRIBUTING.md", "CHANGELOG.md"]


class Tree:
    """Files to be in a folder, and no others."""

    def __init__(self, folder):
        self.folder, self.kept = folder, set()

    def write(self, name, content):
        file = self.folder / name
        self.kept.add(file)
        content = content.encode() if isinstance(content, str) else content
        if not file.is_file() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def remove_others(self):
        for file in [file for file in self.folder.rglob("*") if file.is_file()]:
            if file not in self.kept:
                file.unlink()


def head(notebook):
    """Title and question of a notebook: its first heading, and the first paragraph in italics."""
    text = "".join("".join(cell["source"]) + "\n\n" for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    title = re.search(r"^# (.+)$", text, re.M)[1]
    question = re.search(r"^\*([^*].*?[^*])\*$", text, re.M | re.S)
    question = re.sub(r"^An examiner asks: ", "", " ".join(question[1].split())) if question else ""
    # Links are of the place where they stand.
    question = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", question)
    return title, question[:1].upper() + question[1:]


def stage(root, folder):
    site = Path(__file__).resolve().parent
    tree = Tree(folder)
    chapters = sorted((root / "notebooks").glob("*.ipynb"))
    solutions = sorted((root / "notebooks/solutions").glob("*.ipynb"))
    others = sorted({file.relative_to(root).as_posix() for file in (root / "docs").glob("*.md")} - {*REFERENCE, *MAKING})
    making = [name for name in MAKING + others if (root / name).is_file()]
    documents = [name for name in REFERENCE if (root / name).is_file()] + making
    links = defaultdict(set)
    rows, titles = [], []
    for file in chapters + solutions:
        content = file.read_text()
        notebook = json.loads(content)
        name = file.relative_to(root).as_posix()
        tree.write(name, content)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                for target, place in repository.linked("".join(cell["source"]), Path(name).parent.as_posix(), root):
                    links[target].add(place)
        title, question = head(notebook)
        if file in chapters:
            rows.append(f"| [{title}]({name}) | {question} |")
        else:
            titles.append(f"- [{title}]({file.name})")
    for name in documents:
        text = (root / name).read_text()
        tree.write(name, text)
        for target, place in repository.linked(text, Path(name).parent.as_posix(), root):
            links[target].add(place)
    for image in sorted((root / "docs/images").glob("*")):
        tree.write(f"docs/images/{image.name}", image.read_bytes())
    for file, places in links.items():
        page = repository.page(file, (root / file).read_text(), {place for place in places if place})
        tree.write(f"{repository.FOLDER}/{file}.md", page)

    def names(files):
        return "\n".join(str(Path(file).with_suffix("")) for file in files)

    tree.write("reference.md", (site / "reference.md").read_text())
    made = {
        "@CHAPTERS@": "\n".join(["| chapter | an examiner asks |", "|---|---|", *rows]),
        "@TOCTREE@": names(file.relative_to(root) for file in chapters),
        "@REFERENCE@": names(name for name in REFERENCE if name in documents or name == "reference.md"),
        "@MAKING@": names(making),
    }
    text = (site / "index.md").read_text()
    for mark, what in made.items():
        text = text.replace(mark, what)
    tree.write("index.md", text)
    toctree = "\n".join(["```{toctree}", ":hidden:", "", *(file.stem for file in solutions), "```"])
    tree.write(
        "notebooks/solutions/index.md",
        "# Solutions\n\nOne notebook for each chapter; each is executed with the others. "
        "The same solutions are folded below the exercises.\n\n" + "\n".join(titles) + "\n\n" + toctree + "\n",
    )
    tree.remove_others()


if __name__ == "__main__":
    stage(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
