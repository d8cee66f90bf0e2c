"""What the course adds to Sphinx: solutions below their exercises, figures in words, buttons that open a notebook."""

import json
import posixpath
import re
import tomllib
import xml.etree.ElementTree as ElementTree
from html import unescape
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from docutils import nodes

import repository
from solutions import with_solutions


def slug(title):
    """The anchor of a heading, as JupyterLab makes it; MyST reads links with a percent sign encoded."""
    return title.strip().replace(" ", "-").replace("%", "%25")


# --- Sources of the pages


def read(app, docname, source):
    """Called with each page's source before it is parsed."""
    folder = PurePosixPath(docname).parent.as_posix()
    file = Path(app.env.doc2path(docname))
    if file.suffix != ".ipynb":
        source[0] = repository.rewritten(source[0], folder, Path(app.srcdir))
        return
    notebook = json.loads(source[0])
    answers = file.parent / "solutions" / file.name
    if answers.exists():
        notebook, left = with_solutions(notebook, json.loads(answers.read_text()), f"solutions/{file.name}")
        if left:
            raise ValueError(f"{docname}: no exercise for the solutions {', '.join(left)}")
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{number}"
        if cell["cell_type"] == "markdown":
            cell["source"] = repository.rewritten("".join(cell["source"]), folder, Path(app.srcdir))
    source[0] = json.dumps(notebook)


# --- Figures in words


def in_words(svg):
    """The description that a figure carries, in one line."""
    words = next(ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}desc"), None)
    return "; ".join(line.strip() for line in (words.text if words is not None else "").splitlines() if line.strip())


def describe(app, doctree):
    docname = app.env.docname
    for image in doctree.findall(nodes.image):
        if not image.get("alt"):
            file = Path(app.srcdir, image["uri"]) if not image["uri"].startswith("/") else Path(image["uri"])
            words = in_words(file) if file.suffix == ".svg" else ""
            if not words:
                raise ValueError(f"{docname}: the figure {image['uri']} has no text alternative")
            image["alt"] = words
    # The chapters have the solutions too.
    if docname.startswith("notebooks/solutions/"):
        app.env.metadata[docname]["nosearch"] = True


def slimmer(_app, _pagename, _template, context, _doctree):
    """Code without the marks of what has no colour of its own: spaces, names, punctuation. It halves the pages."""
    if context.get("body"):
        context["body"] = re.sub(r'<span class="[wnp]">([^<]*)</span>', r"\1", context["body"])


def output_links(app, pagename, _template, context, _doctree):
    """Outputs too may link to a notebook and a heading there, as grades of the exam do; Sphinx does not look into them."""

    def to_page(link):
        docname = posixpath.normpath(posixpath.join(posixpath.dirname(pagename), link[1]))
        if docname not in app.env.found_docs:
            return link[0]
        place = slug(unquote(unescape(link[2] or "")))
        found = app.env.metadata[docname].get("myst_slugs", {}).get(place)
        # One that is not there is told by the check of all links.
        there = f"#{found[1] if found else place}" if place else ""
        return f'href="{app.builder.get_relative_uri(pagename, docname)}{there}"'

    if context.get("body"):
        context["body"] = re.sub(r'href="([^":#]+)\.ipynb(?:#([^"]*))?"', to_page, context["body"])


# --- Buttons


def buttons(app, pagename, _template, context, _doctree):
    """Ways to open a notebook, beside what the theme shows."""
    place = tomllib.loads(Path(app.confdir, "site.toml").read_text())
    link = {"type": "link"}
    shown = context.setdefault("header_buttons", [])
    notebook = f"{pagename}.ipynb"
    if Path(app.srcdir, notebook).is_file():
        tip = "Open in JupyterLab, where `cargo xtask lab` runs"
        ways = [{**link, "text": "JupyterLab", "tooltip": tip, "icon": "fas fa-flask",
                 "url": f"{place['jupyterlab']}/lab/tree/{notebook}"}]
        owner = place["repository"].removeprefix("https://github.com/")
        if owner and place["colab"]:
            ways.append({**link, "text": "Colab", "tooltip": "Open in Colab", "icon": "_static/images/logo_colab.png",
                         "url": f"https://colab.research.google.com/github/{owner}/blob/{place['branch']}/"
                                f"{place['colab']}/{PurePosixPath(notebook).relative_to('notebooks')}"})
        if owner:
            ways.append({**link, "text": "Binder", "tooltip": "Open in Binder", "icon": "_static/images/logo_binder.svg",
                         "url": f"https://mybinder.org/v2/gh/{owner}/{place['branch']}?urlpath=lab/tree/{notebook}"})
        shown.insert(0, {"type": "group", "tooltip": "Open this notebook", "icon": "fas fa-rocket", "buttons": ways,
                         "label": "launch-buttons"})
    if place["repository"]:
        shown.append({**link, "text": "", "tooltip": "Repository", "icon": "fab fa-github", "url": place["repository"],
                      "label": "repository"})


# --- What pages load

ICON = re.compile(r'"?([a-z0-9-]+)"?:\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\["[^"]*","[^"]*"\])\],?')


def only_icons_in_use(app, error):
    """The theme's two thousand icons, a megabyte and a half that each page loads, without those that no page shows."""
    file = Path(app.outdir, "_static/scripts/fontawesome.js")
    if error or not file.is_file():
        return
    texts = [*Path(app.outdir).rglob("*.html"), *file.parent.glob("*theme.js")]
    used = {name for text in texts for name in re.findall(r"\bfa-([a-z0-9-]+)", text.read_text())}

    def kept(icon):
        names = {icon[1], *re.findall(r'"([a-z0-9-]+)"', icon[2])}
        return icon[0] if names & used else ""

    file.write_text(ICON.sub(kept, file.read_text()))
    for source_map in Path(app.outdir, "_static").rglob("*.map"):
        source_map.unlink()


def setup(app):
    app.connect("source-read", read)
    app.connect("doctree-read", describe)
    app.connect("html-page-context", slimmer)
    app.connect("html-page-context", output_links)
    # After the theme's own.
    app.connect("html-page-context", buttons, priority=900)
    app.connect("build-finished", only_icons_in_use)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
