"""The course as people open it: `cargo xtask lab`, in headless Chromium.

    browser.py FOLDER

Opens the start notebook with our kernel, runs all cells, looks for the figure, watches the bar of a training, asks for a completion and a type, interrupts a
training, lets a cell fail, restarts the kernel.
Screenshots go to FOLDER. Chromium is the program in the variable `CHROMIUM`, or, without it, Playwright's own.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 1000


def start_lab(log):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CARGO_")}
    server = subprocess.Popen(
        ["cargo", "xtask", "lab", "--no-browser"],
        cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
    )
    for _ in range(120):
        address = re.search(r"http://127\.0\.0\.1:\d+/lab/\S*\?token=\w+", Path(log.name).read_text())
        if address:
            return server, address.group(0)
        if server.poll() is not None:
            break
        time.sleep(0.5)
    sys.exit(f"JupyterLab did not start:\n{Path(log.name).read_text()}")


def unrun(page):
    """How many code cells have not finished: a prompt of [ ] or [*]."""
    prompts = page.locator(".jp-CodeCell:visible .jp-InputArea-prompt").all_text_contents()
    return sum(not re.fullmatch(r"\[\d+\]:", prompt.strip()) for prompt in prompts)


def failed(notebook):
    """The outputs of cells that failed."""
    return notebook.locator("[data-mime-type='application/vnd.jupyter.stderr'], [data-mime-type='application/vnd.jupyter.error']")


def add_cell(page, notebook, code):
    """A new cell at the end, with the cursor in it."""
    last = notebook.locator(".jp-CodeCell .cm-content").last
    last.scroll_into_view_if_needed()
    last.click()
    for key in ("Escape", "b", "Enter"):
        page.keyboard.press(key)
    # Pasted: typed brackets would be closed twice.
    page.keyboard.insert_text(code)


# What the page shows of a bar, looked at before each time that it is painted.
WATCH = """cell => {
    const seen = window.seen = [];
    const look = () => {
        const bars = cell.querySelectorAll('[role=progressbar]'), row = bars[0]?.parentElement;
        seen.push(row ? {
            bars: bars.length,
            outputs: cell.querySelectorAll('.jp-OutputArea-output').length,
            value: Number(bars[0].ariaValueNow),
            width: bars[0].firstElementChild.getBoundingClientRect().width / bars[0].clientWidth,
            lines: row.getBoundingClientRect().height / parseFloat(getComputedStyle(row).lineHeight),
            height: cell.querySelector('.jp-OutputArea').getBoundingClientRect().height,
            text: row.textContent,
        } : null);
        requestAnimationFrame(look);
    };
    look();
}"""


def one_bar_moves(page, notebook, folder, said):
    # Some seconds: the training of the notebook itself is over before one has seen it move.
    add_cell(
        page,
        notebook,
        "let some = FitConfig { epochs: 250, batch_size: 64, ..FitConfig::default() };\n"
        "fit(&model, &mut sgd, cross_entropy, &data.train, Some(&data.test), &some, &mut seeded(1))?;",
    )
    cell = notebook.locator(".jp-CodeCell").last
    cell.evaluate(WATCH)
    page.keyboard.press("ControlOrMeta+Enter")
    page.wait_for_function("seen.some(one => one && one.value > 20 && one.value < 90)", timeout=60_000)
    page.screenshot(path=folder / "progress.png")
    page.wait_for_function("seen.at(-1)?.value === 100 && !seen.at(-1).text.includes('left')", timeout=60_000)
    time.sleep(1)
    page.screenshot(path=folder / "progress-end.png")
    seen = page.evaluate("seen")
    seen = seen[next(i for i, one in enumerate(seen) if one):]
    assert all(one and one["bars"] == one["outputs"] == 1 for one in seen), "there was no bar, or several"
    values = [one["value"] for one in seen]
    assert values == sorted(values) and values[-1] == 100, f"the bar did not grow to its end: {values}"
    assert len(set(values)) >= 5, f"the bar did not move: {sorted(set(values))}"
    assert all(abs(100 * one["width"] - one["value"]) < 1.5 for one in seen), "the bar is not as long as it says"
    assert all(one["lines"] < 1.5 for one in seen), f"the bar is {max(one['lines'] for one in seen):.1f} lines high"
    assert len({one["height"] for one in seen}) == 1, "what stands below the bar moved"
    assert "epoch 250/250" in seen[-1]["text"] and "accuracy" in seen[-1]["text"], seen[-1]
    said(f"a training shows one bar, in {len(set(values))} places, one line high")


def interrupts_and_failures(page, notebook, folder, said):
    outputs = notebook.locator(".jp-OutputArea-output")

    # A word is explained by its type.
    add_cell(page, notebook, "params")
    page.keyboard.press("Shift+Tab")
    tip = page.locator(".jp-Tooltip:visible")
    expect(tip).to_contain_text("Params", timeout=30_000)
    page.screenshot(path=folder / "tip.png")
    page.keyboard.press("Escape")
    said("Shift + Tab shows a type")

    # The button ends a training, and what was trained is still there.
    add_cell(
        page,
        notebook,
        "let long = FitConfig { epochs: 100_000, batch_size: 64, ..FitConfig::default() };\n"
        "fit(&model, &mut sgd, cross_entropy, &data.train, Some(&data.test), &long, &mut seeded(1))?;",
    )
    page.keyboard.press("Shift+Enter")
    time.sleep(4)
    errors = failed(notebook)
    expect(errors).to_have_count(1)
    start = time.monotonic()
    notebook.locator("[data-command='notebook:interrupt-kernel']").first.click()
    expect(errors.last).to_contain_text("Interrupted", timeout=10_000)
    took = time.monotonic() - start
    assert took < 2, f"the interrupt took {took:.1f} s"
    expect(outputs.filter(has=page.locator("[role='progressbar']")).last).to_contain_text("not finished")
    add_cell(page, notebook, 'println!("{} parameters", params.count());')
    page.keyboard.press("Shift+Enter")
    expect(outputs.filter(has_text=re.compile(r"^\d+ parameters")).last).to_be_visible(timeout=30_000)
    page.screenshot(path=folder / "interrupt.png")
    said(f"an interrupt ends a training after {took:.1f} s and keeps the parameters")

    # A cell that fails is marked, and those below it are not run.
    add_cell(page, notebook, 'panic!("stop {}", "here");')
    add_cell(page, notebook, 'println!("not {}", "run");')
    for key in ("Escape", "ArrowUp"):
        page.keyboard.press(key)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run Selected Cell and All Below", exact=True).click()
    expect(errors.last).to_contain_text("stop here", timeout=30_000)
    time.sleep(1)
    assert outputs.filter(has_text="not run").count() == 0, "a cell below a failure was run"
    expect(notebook.locator(".jp-CodeCell .jp-InputArea-prompt").last).to_have_text("[ ]:")
    page.screenshot(path=folder / "failure.png")
    said("a failure stops the cells below it")


def check(page, address, folder):
    start = time.monotonic()
    said = lambda what: print(f"{time.monotonic() - start:6.1f} s  {what}", flush=True)
    page.goto(address)
    notebook = page.locator(".jp-NotebookPanel:visible")
    expect(notebook.get_by_role("heading", name="Start here")).to_be_visible(timeout=60_000)
    assert "00-start-here" in page.locator(".lm-TabBar-tab.jp-mod-current").first.text_content()
    said("the start notebook is open")
    expect(page.get_by_text("Would you like to get notified")).to_have_count(0)

    kernel = notebook.locator(".jp-Toolbar-kernelName")
    expect(kernel).to_contain_text("Rust (Candlelight)", timeout=60_000)
    # The title of the indicator is the state of the kernel.
    expect(notebook.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle", timeout=120_000)
    said("the kernel is idle")

    # The committed figures are there before anything runs.
    figure = notebook.locator(".jp-RenderedSVG img, .jp-RenderedSVG svg").first
    figure.scroll_into_view_if_needed(timeout=60_000)
    expect(figure).to_be_visible()

    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    # The committed outputs are cleared as their cells begin; the last cell ends last.
    end = time.monotonic() + SECONDS
    time.sleep(2)
    while unrun(page) and time.monotonic() < end:
        time.sleep(0.5)
    assert unrun(page) == 0, f"{unrun(page)} cells did not finish"
    said("all cells have run")
    # The notebook shows the error of a wrong shape, and goes on.
    expect(failed(notebook)).to_have_count(1)
    expect(failed(notebook)).to_contain_text("shape mismatch in matmul")

    figure.scroll_into_view_if_needed()
    expect(figure).to_be_visible()
    box = figure.bounding_box()
    assert box["width"] > 200 and box["height"] > 150, f"the figure is {box}"
    said(f"the figure is {box['width']:.0f} × {box['height']:.0f} pixels")
    page.screenshot(path=folder / "figure.png")

    one_bar_moves(page, notebook, folder, said)

    # A new cell at the end, and Tab after the beginning of a name of the crate.
    notebook.locator(".jp-Cell").last.scroll_into_view_if_needed()
    notebook.locator(".jp-CodeCell .cm-content").last.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.type("candlelight::params::Par")
    page.keyboard.press("Tab")
    completer = page.locator(".jp-Completer:visible")
    expect(completer.or_(page.get_by_text("candlelight::params::Params"))).to_be_visible(timeout=60_000)
    if completer.count():
        offered = completer.locator(".jp-Completer-item").all_text_contents()
        assert any("Params" in item for item in offered), offered
    said("completion offers `Params`")
    page.screenshot(path=folder / "completion.png")
    page.keyboard.press("Escape")

    interrupts_and_failures(page, notebook, folder, said)

    # A restart forgets the variables and answers again.
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Restart Kernel…")).first.click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    notebook.locator(".jp-CodeCell .cm-content").last.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type('println!("after {}", "the restart");')
    page.keyboard.press("Shift+Enter")
    expect(notebook.locator(".jp-OutputArea-output", has_text="after the restart").last).to_be_visible(timeout=120_000)
    said("the restarted kernel computes")


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lab.log", "w") as log, sync_playwright() as playwright:
        server, address = start_lab(log)
        browser = playwright.chromium.launch(
            executable_path=shutil.which(os.environ["CHROMIUM"]) if "CHROMIUM" in os.environ else None,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            try:
                check(page, address, folder)
                # Asking a kernel that does not answer yet can end it, and the server then starts another.
                said = Path(log.name).read_text()
                faults = [word for word in ("Nudge", "Broken pipe", "restarting kernel") if word in said]
                assert not faults, f"JupyterLab says: {faults}"
            except BaseException:
                page.screenshot(path=folder / "failed.png")
                print(f"--- what JupyterLab said last\n{Path(log.name).read_text()[-4000:]}")
                raise
        finally:
            browser.close()
            # SIGINT twice would ask; SIGTERM lets the server stop its kernels.
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
    # Running changed the open copy only; nothing was saved.
    print("browser: 1 passed, 0 failed")


if __name__ == "__main__":
    main()
