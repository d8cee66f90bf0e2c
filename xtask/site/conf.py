"""Settings of Sphinx."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

project = "Candlelight"
html_title = "Candlelight"
language = "en"
extensions = ["myst_nb", "sphinx.ext.mathjax", "course"]
exclude_patterns = ["**.ipynb_checkpoints"]

# The notebooks are executed by `cargo xtask run`; here their outputs are shown.
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_error_lexer = "text"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
# As JupyterLab names headings, so that the links of the notebooks hold.
myst_heading_slug_func = "course.slug"

html_theme = "sphinx_book_theme"
html_static_path = [str(HERE / "static"), os.environ["CANDLELIGHT_MATHJAX"]]
html_css_files = ["course.css"]
html_js_files = ["course.js"]
html_search_scorer = str(HERE / "scorer.js")
html_favicon = str(HERE / "static/favicon.svg")
html_show_sphinx = False
html_show_copyright = False
html_last_updated_fmt = None
html_theme_options = {
    "home_page_in_toc": True,
    "logo": {"text": "Candlelight"},
    "navbar_persistent": [],
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "use_download_button": True,
    "use_fullscreen_button": False,
    "use_issues_button": False,
    "use_repository_button": False,
    "use_source_button": False,
}
html_context = {"default_mode": "auto"}
html_sidebars = {"**": ["navbar-logo.html", "search-button-field.html", "sbt-sidebar-nav.html"]}

# MathJax in parts: without the menu, and without its own speech, which loads much for each page. Formulas are MathML for those
# who listen to them.
mathjax_path = "mathjax/startup.js"
mathjax4_config = {
    "loader": {"load": ["core", "input/tex", "output/chtml", "a11y/assistive-mml"]},
    # The fonts too come from this site.
    "output": {
        "font": "mathjax-newcm",
        "fontPath": "[mathjax]/%%FONT%%-font",
        "matchFontHeight": False,
        "scale": 1.05,
        "displayOverflow": "scroll",
    },
    "options": {"ignoreHtmlClass": "document"},
}
mathjax_config_path = "mathjax.js"
myst_mathjax_classes = "math|output_area"
