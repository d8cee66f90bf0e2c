"""Looks at the files of a built site.

    links.py HTML

Each link leads to a file and a place in it that are there, nothing is loaded from another host, each image is told in words, and no
page is over a megabyte without its images.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

LARGEST = 1_000_000

# Attributes by which a page loads something, where a link is only followed.
LOADS = {("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"), ("object", "data")}


class Page(HTMLParser):
    """The places, links and images of a page."""

    def __init__(self, text):
        super().__init__()
        self.places, self.links, self.silent = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        for name in ("id", "name"):
            if given.get(name):
                self.places.add(given[name])
        if tag == "img" and not (given.get("alt") or "").strip() and given.get("aria-hidden") != "true":
            self.silent.append(given.get("src"))
        for name in ("href", "src", "data"):
            if given.get(name) and not (tag == "link" and given.get("rel") in ("next", "prev", "canonical")):
                self.links.append((given[name], (tag, name) in LOADS))


def is_there(place, page, file):
    # As browsers do: as it is written, then decoded.
    if place in ("", "top") or place in page.places or unquote(place) in page.places:
        return True
    # rustdoc's pages of sources mark ranges of lines by a script.
    lines = re.fullmatch(r"(\d+)-(\d+)", place)
    return bool(lines) and "/src/" in file.as_posix() and lines[1] in page.places


def faults(root):
    # What the theme leaves in `_static` are templates.
    files = [file for file in sorted(root.rglob("*.html")) if file.relative_to(root).parts[0] != "_static"]
    pages = {file: Page(file.read_text()) for file in files}
    counts = {"pages": len(pages), "links": 0}
    found = []
    for file, page in pages.items():
        shown = file.relative_to(root)
        is_ours = shown.parts[0] != "api"
        if file.stat().st_size > LARGEST:
            found.append(f"{shown}: {file.stat().st_size} bytes")
        # rustdoc's pages hold only its own small pictures.
        found += [f"{shown}: no text alternative of {src}" for src in page.silent if is_ours]
        for link, loads in page.links:
            scheme = urlsplit(link).scheme or ("http" if link.startswith("//") else "")
            if scheme:
                if loads and scheme != "data":
                    found.append(f"{shown}: loads {link}")
                continue
            counts["links"] += 1
            target = urlsplit(urljoin("/" + shown.as_posix(), link))
            to = root / unquote(target.path).lstrip("/")
            if "/trait.impl/" in link and not is_ours:
                # rustdoc's list of the types elsewhere that have a trait, which it writes only where there are some.
                continue
            if not to.is_file():
                found.append(f"{shown}: there is no {link}")
            elif to in pages and not is_there(target.fragment, pages[to], to):
                found.append(f"{shown}: no such place: {link}")
    for style in root.rglob("*.css"):
        loaded = re.findall(r"""url\(\s*["']?((?:https?:)?//[^)"']*)|@import\s*["']((?:https?:)?//[^"']*)""", style.read_text())
        found += [f"{style.relative_to(root)}: loads {''.join(one)}" for one in loaded]
    pdf = root / "candlelight.pdf"
    if not pdf.is_file() or not pdf.read_bytes().startswith(b"%PDF"):
        found.append("there is no PDF")
    return found, counts


if __name__ == "__main__":
    found, counts = faults(Path(sys.argv[1]).resolve())
    print("\n".join(found) if found else f"{counts['pages']} pages, {counts['links']} links, all of which lead somewhere")
    sys.exit(1 if found else 0)
