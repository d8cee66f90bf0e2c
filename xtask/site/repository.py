"""Files of the repository that pages link to: each has a page of its own, so that the site needs no other host."""

import posixpath
import re

# The folder of those pages.
FOLDER = "files"

LINK = re.compile(r"\]\(((?![a-z]+:)[^)#\s]+)(?:#([^)\s]*))?\)")

# What is a page by itself, or a picture.
SHOWN = (".md", ".ipynb", ".svg", ".png")

LANGUAGES = {
    ".rs": "rust", ".py": "python", ".sh": "sh", ".toml": "toml", ".yml": "yaml", ".json": "json", "Dockerfile": "docker",
}

# What the repository's first page says stands on the first page of the site.
README = re.compile(r"\]\((?:\.\./)*README\.md(#[^)\s]*)?\)")


def linked(text, folder, root):
    """The files of the repository `root` that `text`, of a page in `folder`, links to, each with the place in it or None."""
    for link, place in LINK.findall(text):
        file = posixpath.normpath(posixpath.join(folder, link))
        if not file.endswith(SHOWN) and (root / file).is_file():
            yield file, place


def rewritten(text, folder, tree):
    """`text` with those links leading to the pages of the files, which are in `tree`."""

    def to_page(link):
        page = posixpath.join(FOLDER, posixpath.normpath(posixpath.join(folder, link[1])) + ".md")
        if not (tree / page).is_file():
            return link[0]
        return f"]({posixpath.relpath(page, folder)}{'#' + link[2] if link[2] else ''})"

    home = posixpath.relpath("index.md", folder)
    return README.sub(lambda link: f"]({home}{link[1] or ''})", LINK.sub(to_page, text))


def page(file, source, places):
    """The page of a file, in pieces: a heading before each function that a link names."""
    lines = source.splitlines()
    cuts = {0: None}
    for place in sorted(places):
        found = next((i for i, line in enumerate(lines) if re.search(rf"\bfn {re.escape(place)}\b", line)), None)
        if found is None:
            raise SystemExit(f"{file} has no function `{place}`, which a page links to")
        # Its attributes and comments belong to it.
        while found > 0 and re.match(r"\s*(#\[|///)", lines[found - 1]):
            found -= 1
        cuts[found] = place
    language = next((name for ending, name in LANGUAGES.items() if file.endswith(ending)), "text")
    text = f"---\norphan: true\nnosearch: true\n---\n\n# `{file}`\n"
    starts = sorted(cuts)
    for start, end in zip(starts, starts[1:] + [len(lines)]):
        if cuts[start] is not None:
            text += f"\n## {cuts[start].replace('_', chr(92) + '_')}\n"
        code = "\n".join(lines[start:end]).strip("\n")
        if code:
            text += f"\n``````{language}\n{code}\n``````\n"
    return text
