"""The course as one PDF, printed by Chromium.

    print.py HTML FILE

Joins the chapters of the built site HTML into one page beside it, with the solutions at the end instead of below the exercises,
and prints that into FILE.
"""

import re
import sys
from pathlib import Path
from urllib.parse import urljoin

import chromium
import serve

HERE = Path(__file__).resolve().parent

HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Candlelight: the deep-learning exam, executed in Rust</title>
<link rel="stylesheet" href="../html/_static/pygments.css">
<style>{style}</style>
{mathjax}
</head><body>
<header><h1>Candlelight</h1><p>The deep-learning exam, executed in Rust</p></header>
"""


# Each formula is one figure to those who listen, told by its source, and not a hundred letters.
FORMULAS = """async () => {
    await MathJax.startup.promise;
    for (const formula of MathJax.startup.document.math) {
        formula.typesetRoot.setAttribute("role", "img");
        formula.typesetRoot.setAttribute("aria-label", formula.math);
    }
}"""


def address(page):
    """The identifier of a page in the joined one."""
    return re.sub(r"[^a-z0-9]+", "-", page.removesuffix(".html").lower())


def part(html, page, pages):
    """The text of one page, with identifiers and links that hold in the joined page."""
    text = (html / page).read_text()
    text = re.search(r'<article class="bd-article">(.*?)</article>', text, re.S)[1]
    text = re.sub(r'<details class="solution">.*?</details>', "", text, flags=re.S)
    text = re.sub(r'<a class="headerlink".*?</a>', "", text, flags=re.S)
    text = re.sub(r"<button.*?</button>", "", text, flags=re.S)
    # Only keywords, types, functions, strings and comments are coloured: each mark is an element of the tagged document.
    text = re.sub(r'<span class="(?!k|nc"|nf"|s|c)\w{1,2}">([^<]*)</span>', r"\1", text)
    name = address(page)

    def link(found):
        target = found[1]
        if re.match(r"[a-z]+:", target):
            return found[0]
        file, _, place = urljoin(page, target).partition("#")
        if file not in pages:
            # What the file does not hold is on the site alone.
            return ""
        return f'href="#{address(file)}{"--" + place if place else ""}"'

    text = re.sub(r'\bid="([^"]*)"', rf'id="{name}--\1"', text)
    text = re.sub(r'\bhref="([^"]*)"', link, text)
    text = re.sub(r'\bsrc="(?!data:)([^"]*)"', lambda found: f'src="../html/{urljoin(page, found[1])}"', text)
    return f'<section class="chapter" id="{name}">{text}</section>'


def title(html, page):
    found = re.search(r'<article class="bd-article">.*?<h1>(.*?)<a class="headerlink"', (html / page).read_text(), re.S)
    return re.sub(r"<[^>]*>", "", found[1]).strip()


def joined(html):
    """The page that is printed."""
    def under(folder):
        return sorted(f.relative_to(html).as_posix() for f in (html / folder).glob("[0-9]*.html"))

    chapters, solutions = under("notebooks"), under("notebooks/solutions")
    glossary = [page for page in ["docs/glossary.html"] if (html / page).is_file()]
    pages = [*chapters, *glossary, *solutions]
    first = (html / chapters[1]).read_text()
    mathjax = re.findall(r"<script>window\.MathJax.*?</script>", first, re.S)
    text = HEAD.format(
        style=(HERE / "print.css").read_text(),
        mathjax="".join(mathjax).replace(', "a11y/assistive-mml"', "") + '<script defer src="../html/_static/mathjax/startup.js"></script>',
    )
    text += "<nav><h1>Contents</h1>"
    for heading, group in (("", chapters + glossary), ("Solutions", solutions)):
        text += f"<h2>{heading}</h2>" if heading else ""
        text += "<ul>" + "".join(f'<li><a href="#{address(p)}">{title(html, p)}</a></li>' for p in group) + "</ul>"
    text += "</nav>" + "\n".join(part(html, page, pages) for page in pages) + "</body></html>"
    return text


def print_page(base, file):
    footer = (
        '<div style="font: 8px sans-serif; color: #555; width: 100%; text-align: center">'
        '<span class="pageNumber"></span></div>'
    )
    with chromium.started() as browser:
        page = browser.new_page()
        page.set_default_timeout(300_000)
        failures = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("requestfailed", lambda request: failures.append(f"{request.url} failed"))
        page.on("response", lambda answer: answer.status >= 400 and failures.append(f"{answer.url}: {answer.status}"))
        page.goto(f"{base}/print/index.html")
        page.evaluate(FORMULAS)
        failures += page.locator("mjx-merror").all_text_contents()
        failures += page.evaluate("[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src)")
        if failures:
            sys.exit("the page that is printed has faults:\n" + "\n".join(failures))
        page.pdf(
            path=file, format="A4", outline=True, tagged=True, print_background=True, display_header_footer=True,
            header_template="<span></span>", footer_template=footer,
            margin={"top": "18mm", "bottom": "18mm", "left": "18mm", "right": "18mm"},
        )


if __name__ == "__main__":
    html, file = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    folder = html.parent / "print"
    folder.mkdir(exist_ok=True)
    (folder / "index.html").write_text(joined(html))
    with serve.folder(html.parent) as base:
        print_page(base, file)
