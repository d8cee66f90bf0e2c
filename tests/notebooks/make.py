"""Writes the small notebooks that the tests of the kernel and the runner execute.

    python make.py FOLDER

Each is named for what it shows. They are made where they are used, because they name the crate by its path.
"""

import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

FOLDER = Path(sys.argv[1])
CRATE = str(Path(__file__).resolve().parents[2] / "crate").replace("\\", "\\\\").replace('"', '\\"')
HEAD = f':dep candlelight = {{ path = "{CRATE}" }}\nuse candlelight::prelude::*;'

LIBC = ':dep libc = { version = "0.2", features = ["align"] }'


def write(name, *cells, kernel="rust"):
    """Cells are source texts or (source, tags, committed output): standard output, if that is a text."""
    notebook = new_notebook(metadata={"kernelspec": {"name": kernel, "display_name": "Rust", "language": "rust"}})
    for number, cell in enumerate(cells, start=1):
        source, tags, shown = cell if isinstance(cell, tuple) else (cell, [], None)
        outputs = [new_output("stream", name="stdout", text=shown)] if isinstance(shown, str) else [shown] if shown else []
        cell = new_code_cell(source, execution_count=number, outputs=outputs, metadata={"tags": tags} if tags else {})
        cell.id = f"{name}-{number}"
        notebook.cells.append(cell)
    nbformat.write(notebook, FOLDER / f"{name}.ipynb")


GRADIENTS = [
    HEAD,
    "let a = Var::new(&[2f32, 3.], &Device::Cpu)?;\nlet b = Var::new(&[5f32, 7.], &Device::Cpu)?;",
    "let product = (a.as_tensor() * b.as_tensor())?.sum_all()?;",
    (
        "let gradients = product.backward()?;\n"
        'fn of(gradients: &candlelight::candle_core::backprop::GradStore, var: &Var) -> Result<Vec<f32>> {\n'
        '    Ok(gradients.get(var).expect("a gradient").to_vec1()?)\n}\n'
        'println!("{:?} {:?}", of(&gradients, &a)?, of(&gradients, &b)?);',
        [],
        "[5.0, 7.0] [2.0, 3.0]\n",
    ),
]
write("gradients", *GRADIENTS)
write("stock", *GRADIENTS, kernel="rust-stock")
# The start notebook, as it is, on the stock kernel; there the bar of a training is lines with times.
start = nbformat.read(Path(__file__).resolve().parents[2] / "notebooks/00-start-here.ipynb", as_version=4)
start.metadata.kernelspec.name = "rust-stock"
start.cells[:] = [cell for cell in start.cells if cell.cell_type == "code"]
start.cells[0].source = start.cells[0].source.replace('"../crate"', f'"{CRATE}"')
[training] = [cell for cell in start.cells if any("epoch 15/15" in output.get("data", {}).get("text/plain", "") for output in cell.outputs)]
training.outputs = [nbformat.v4.new_output("stream", name="stdout", text="epoch 15/15\n")]
training.metadata.tags = ["volatile"]
nbformat.write(start, FOLDER / "stock_start.ipynb")
write(
    "margins",
    HEAD,
    "let errors = [0.001f32, 0.09];\nassert!(errors.iter().all(|&error| error < 0.1), \"{errors:?}\");",
    "let losses: Vec<f64> = vec![0.1, 2.0];\nassert!((0.0..100.0).contains(&losses[1]));\nassert!(\"a\" < \"b\");",
)
write(
    "state",
    "let mut numbers: Vec<u32> = Vec::new();",
    *[f"numbers.push({number});" for number in range(1, 10)],
    ('println!("{} {}", numbers.len(), numbers.iter().sum::<u32>());', [], "9 45\n"),
)
write(
    "added_dependency",
    HEAD,
    "let x = Var::new(&[2f32, 3.], &Device::Cpu)?;",
    # One that Candle has already, and one that is new.
    (':dep itoa = "1"\n:dep hex = "0.4"\nprintln!("{} {}", itoa::Buffer::new().format(42), hex::encode("a"));', [], "42 61\n"),
    # This would compile Candle anew.
    (LIBC, ["raises-exception"], new_output("error", ename="Error", evalue="refused")),
    (
        'async fn answer() -> u32 { 42 }\n'
        'println!("{:?} {}", x.as_tensor().to_vec1::<f32>()?, answer().await);',
        [],
        "[2.0, 3.0] 42\n",
    ),
)
write("refused_dependency", "let fine = 1;", LIBC)
write("panic", "let fine = 1;", 'panic!("a panic in a cell");', ('println!("{fine}");', [], "1\n"))
write("question_mark", "let fine = 1;", '"no number".parse::<u32>()?;')
write("order", "let second = first + 1;", "let first = 1;")
write("counts", "let a = 1;", "let b = a + 1;")
counts = nbformat.read(FOLDER / "counts.ipynb", as_version=4)
counts.cells[0].execution_count, counts.cells[1].execution_count = 2, 1
nbformat.write(counts, FOLDER / "counts.ipynb")
write("number", ('println!("accuracy {:.3}", 0.83);', [], "accuracy 0.930\n"))
write("volatile", ('println!("{}", std::process::id());', ["volatile"], "1\n"))
write(
    "expected",
    ('compile_error!("not this");', ["raises-exception"], new_output("stream", name="stderr", text="not this\n")),
    ('eprintln!("a warning");', ["expects-stderr"], None),
)
write(
    "dead_kernel",
    "let fine = 1;",
    # The kernel is the parent of the parent.
    'std::process::Command::new("sh").arg("-c").arg(format!("kill -9 $(ps -o ppid= -p {})", '
    'std::os::unix::process::parent_id())).status()?;',
    ('println!("{fine}");', [], "1\n"),
)
write("unknown_kernel", ("let fine = 1;", [], "1\n"), "let more = fine;")
unknown = nbformat.read(FOLDER / "unknown_kernel.ipynb", as_version=4)
unknown.metadata.kernelspec.name = "no-such-kernel"
nbformat.write(unknown, FOLDER / "unknown_kernel.ipynb")
write("not_raised", ("let fine = 1;", ["raises-exception"], None))
write(
    "statics",
    HEAD,
    # What the first copy would have left, had each cell been linked with a copy of its own.
    'unsafe { std::env::set_var("CANDLELIGHT_STATICS", format!("{}:0x1", std::process::id())) };',
    "let refused = Params::new(0, &Device::Cpu)?;",
)
