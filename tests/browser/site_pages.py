"""The site as people read it, in headless Chromium.

    site_pages.py HTML FOLDER

Opens pages of the built site HTML with no other host to be found: looks for errors, reads formulas and figures, searches, turns to the
next page, goes dark, unfolds a solution, holds each page to the width of a phone, and lets axe-core, the script in the variable `AXE`,
judge contrast and structure. Screenshots go to FOLDER. Modules are those of `xtask/site`.
"""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

import chromium
import serve
from playwright.sync_api import expect

# A page of each kind.
PAGES = [
    "index.html",
    "notebooks/00-start-here.html",
    "notebooks/03-softmax-and-cross-entropy.html",
    "notebooks/06-l2-regularization.html",
    "notebooks/09-batch-normalization.html",
    "notebooks/14-rnn-and-lstm.html",
    "notebooks/18-convolution.html",
    "notebooks/23-deep-q-learning.html",
    "notebooks/24-exam.html",
    "notebooks/solutions/09-batch-normalization.html",
    "docs/glossary.html",
    "docs/traceability.html",
    "files/tests/tests/nn/norm.rs.html",
    "reference.html",
    "api/candlelight/index.html",
]
# Those that axe-core judges, in the light and in the dark.
JUDGED = [
    "index.html",
    "notebooks/00-start-here.html",
    "notebooks/09-batch-normalization.html",
    "notebooks/24-exam.html",
    "docs/traceability.html",
]
CHAPTER = "notebooks/09-batch-normalization.html"


# What a page has loaded, without images.
BYTES = """performance.getEntries()
    .filter(e => e.decodedBodySize && e.initiatorType !== 'img').reduce((sum, e) => sum + e.decodedBodySize, 0)"""


class Site:
    def __init__(self, browser, base, folder):
        self.browser, self.base, self.folder, self.faults = browser, base, folder, []

    def shot(self, page, name):
        page.screenshot(path=self.folder / f"{name}.png")

    @contextmanager
    def page(self, path, **settings):
        """A page, with its mathematics, in a context of its own; errors and requests to other hosts are faults."""
        context = self.browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | settings))
        page = context.new_page()
        self.watch(page, path)
        self.open(page, path)
        yield page
        context.close()

    def watch(self, page, path):
        def fault(text):
            self.faults.append(f"{path}: {text}")

        # rustdoc's pages name fonts beforehand in a way that Chromium warns of.
        bad = ["error"] if path.startswith("api/") else ["error", "warning"]
        page.on("console", lambda said: said.type in bad and fault(f"{said.type} {said.text}"))
        page.on("pageerror", lambda error: fault(str(error)))
        # A reader who turns the page stops what is still on its way.
        page.on("requestfailed", lambda one: one.failure == "net::ERR_ABORTED" or fault(f"{one.url}: {one.failure}"))
        page.on("response", lambda answer: answer.status >= 400 and fault(f"{answer.url}: {answer.status}"))
        own = (self.base, "data:", f"blob:{self.base}")
        page.on("request", lambda request: request.url.startswith(own) or fault(f"asks another host: {request.url}"))

    def open(self, page, path):
        page.goto(f"{self.base}/{path}", wait_until="load")
        page.evaluate("window.MathJax && MathJax.startup.promise")


def reads(site):
    """Each page opens; its formulas are set, with MathML for listeners, and its figures are drawn and told in words."""
    formulas = figures = heaviest = 0
    for path in PAGES:
        with site.page(path) as page:
            heaviest = max(heaviest, page.evaluate(BYTES))
            written, drawn = page.locator(".math").count(), page.locator(".math mjx-container").count()
            assert drawn >= written, f"{path}: {drawn} of {written} formulas are drawn"
            assert page.locator("mjx-merror, mjx-container [data-mjx-error]").count() == 0, f"{path}: a formula has an error"
            assert page.locator("mjx-assistive-mml math").count() == page.locator("mjx-container").count(), path
            images = page.evaluate(
                "[...document.querySelectorAll('article img')].map(i => [i.src, i.naturalWidth * i.clientWidth, i.alt])"
            )
            for source, area, words in images:
                assert area > 0, f"{path}: {source} is not drawn"
                assert len(words) > 20, f"{path}: {source} is told by “{words}”"
            formulas, figures = formulas + drawn, figures + len(images)
    assert formulas > 300 and figures > 20 and heaviest < 2.5e6, (formulas, figures, heaviest)
    with site.page(CHAPTER) as page:
        page.locator(".math").nth(8).scroll_into_view_if_needed()
        text = page.locator("mjx-assistive-mml").all_text_contents()
        assert any("γ" in formula for formula in text) and any("∂" in formula for formula in text), text[:9]
        site.shot(page, "formulas")
        page.locator("article img").nth(1).scroll_into_view_if_needed()
        site.shot(page, "figure")
        buttons = page.locator(".btn__launch a, .dropdown-launch-buttons a")
        assert any("/lab/tree/notebooks/09-" in a.get_attribute("href") for a in buttons.all()), "no way to JupyterLab"
    print(f"{len(PAGES)} pages, {formulas} formulas, {figures} figures; at most {heaviest / 1e6:.2f} MB without images")


def folds(site):
    """A solution stands below its exercise, folded."""
    with site.page(CHAPTER) as page:
        exercises = page.locator("details.solution")
        assert exercises.count() == 3, exercises.count()
        code = exercises.first.locator(".cell_input").first
        expect(code).not_to_be_visible()
        exercises.first.locator("summary").click()
        expect(code).to_be_visible()
        expect(code).to_contain_text("fn batch_norm")
        code.scroll_into_view_if_needed()
        site.shot(page, "exercise")
    print("a solution unfolds below its exercise")


def finds(site):
    """A reader types into the search, and turns pages."""
    with site.page("index.html") as page:
        page.keyboard.press("Control+k")
        field = page.locator("input[type=search]:visible").first
        expect(field).to_be_focused()
        field.fill("batch normalization")
        field.press("Enter")
        first = page.locator("ul.search li a").first
        expect(first).to_contain_text("Batch normalization", timeout=15_000)
        expect(page.locator(".search-summary")).to_contain_text("found")
        page.wait_for_timeout(500)
        site.shot(page, "search")
        first.click()
        expect(page.locator("article h1")).to_contain_text("09 · Batch normalization")
        page.locator("a.right-next").click()
        expect(page.locator("article h1")).to_contain_text("09b")
        page.locator("a.left-prev").click()
        expect(page.locator("article h1")).to_contain_text("09 · Batch normalization")
    print("the search finds the chapter; next and previous turn pages")


def brightness(page):
    """Of the paper, 0 to 255."""
    return page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0) / 3")


def darkens(site):
    """A reader chooses the dark, and it stays."""
    with site.page(CHAPTER, color_scheme="light") as page:
        light = brightness(page)
        page.get_by_role("button", name="Color mode").locator("visible=true").click()
        page.locator(".theme-switch-container button:visible", has_text="Dark").click()
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        assert light > 230 and brightness(page) < 60, (light, brightness(page))
        site.open(page, "notebooks/06-l2-regularization.html")
        assert brightness(page) < 60, "the next page is light again"
        page.locator("article img").first.scroll_into_view_if_needed()
        site.shot(page, "dark")
    print("light and dark")


def is_narrow(site):
    """On a phone nothing but code, tables and formulas is wider than the page, and these scroll by themselves."""
    for path in [page for page in PAGES if not page.startswith("api/")]:
        with site.page(path, viewport={"width": 360, "height": 740}, has_touch=True) as page:
            wide = page.evaluate("document.scrollingElement.scrollWidth")
            if wide > 360:
                site.faults.append(f"{path} is {wide} pixels wide")
            if path == CHAPTER:
                site.shot(page, "phone")
                page.locator("button.primary-toggle").click()
                expect(page.get_by_role("link", name="10 · Layer normalization").first).to_be_visible()
                site.shot(page, "phone-contents")
    print("360 pixels are enough")


def is_accessible(site):
    """By the rules of WCAG 2.1 A and AA, contrast among them."""
    for scheme in ("light", "dark"):
        for path in JUDGED:
            with site.page(path, color_scheme=scheme) as page:
                page.add_script_tag(path=os.environ["AXE"])
                found = page.evaluate(
                    "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations'] })"
                )
            for one in found["violations"]:
                where = "; ".join(f"{node['target'][0]}: {node['html'][:150]}" for node in one["nodes"][:3])
                site.faults.append(f"{path}, {scheme}: {one['id']} ({len(one['nodes'])} places): {where}")
    print(f"axe-core judged {len(JUDGED)} pages, light and dark")


def main(html, folder):
    folder.mkdir(parents=True, exist_ok=True)
    with serve.folder(html) as base, chromium.started() as browser:
        site = Site(browser, base, folder)
        for look in (reads, folds, finds, darkens, is_narrow, is_accessible):
            look(site)
    if site.faults:
        sys.exit("\n".join(["the site has faults:", *site.faults]))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
