"""What cells show: at once, in order, complete."""

import time

from client import Kernel, below, told

# What kernel and host together may grow by, in MB, whatever a cell prints.
GROWTH = 80


def text_without_an_end_of_line_appears_at_once(kernel):
    seen = []
    code = 'use std::io::Write;\nfor i in 0..5 {\n    print!("{i} ");\n    std::thread::sleep(std::time::Duration::from_millis(300));\n}'
    result = kernel.run(code, lambda m: seen.append(time.monotonic()) if m["msg_type"] == "stream" else None)
    assert result.text() == "0 1 2 3 4 ", result.text()
    assert len(seen) >= 4 and seen[-1] - seen[0] > 0.8, seen
    assert result.shown() == [], "the value of a loop is nothing to show"


def carriage_returns_pass(kernel):
    assert kernel.run('print!("10 %\\r20 %\\r");').text() == "10 %\r20 %\r"


def two_figures_in_a_cell_are_two_displays(kernel):
    code = """
fn show(name: &str) {
    println!("EVCXR_BEGIN_CONTENT text/plain\\n{name}\\nEVCXR_END_CONTENT");
    println!("EVCXR_BEGIN_CONTENT image/svg+xml\\n<svg id='{name}'/>\\nEVCXR_END_CONTENT");
}
show("first");
println!("between");
show("second");
show("third");
"""
    result = kernel.run(code)
    shown = [message["content"] for message in result.messages if message["msg_type"] in ("display_data", "stream")]
    names = [content["data"]["text/plain"] if "data" in content else content["text"] for content in shown]
    assert names == ["first", "between\n", "second", "third"], names
    assert all(set(data) == {"text/plain", "image/svg+xml"} for data in result.shown()), result.shown()


def a_display_with_a_name_is_updated(kernel):
    code = """
for i in 0..3 {
    println!("EVCXR_BEGIN_CONTENT text/plain;display=bar\\n{i}\\nEVCXR_END_CONTENT");
    std::thread::sleep(std::time::Duration::from_millis(100));
}
"""
    result = kernel.run(code)
    kinds = [m["msg_type"] for m in result.messages if "display" in m["msg_type"]]
    assert kinds == ["display_data", "update_display_data", "update_display_data"], kinds
    assert result.of("update_display_data")[-1]["transient"] == {"display_id": "bar"}


def progress_is_one_line_that_moves(kernel):
    kernel.run(
        "use candlelight::prelude::*;\nuse candlelight::data::Dataset;\nuse candlelight::train::fit;\n"
        "let x = Tensor::ones((64, 2), DType::F32, &Device::Cpu)?;\nlet data = Dataset::new(&x, &x)?;\n"
        "let params = Params::new(0, &Device::Cpu)?;\nlet model = linear(2, 2, params.pp(\"fc\"))?;\n"
        "let mut sgd = Sgd::new(params.trainable(), SgdConfig::default())?;"
    )
    result = kernel.run(
        "let config = FitConfig { epochs: 5, batch_size: 8, ..FitConfig::default() };\n"
        "fn slow(p: &Tensor, t: &Tensor) -> Result<Tensor> {\n"
        "    std::thread::sleep(std::time::Duration::from_millis(20));\n    mse(p, t)\n}\n"
        "let history = fit(&model, &mut sgd, slow, &data, None, &config, &mut seeded(0))?;"
    )
    assert result.status == "ok" and result.text() == "", (result.reply, result.error)
    kinds = [m["msg_type"] for m in result.messages if "display" in m["msg_type"]]
    assert kinds[0] == "display_data" and set(kinds[1:]) == {"update_display_data"} and len(kinds) > 4, kinds
    shown = [content["data"] for kind in ("display_data", "update_display_data") for content in result.of(kind)]
    assert all(set(data) == {"text/plain", "text/html"} for data in shown), shown
    assert "left" in shown[1]["text/plain"] and 'role="progressbar"' in shown[1]["text/html"], shown[1]
    assert shown[-1]["text/plain"].startswith("epoch 5/5  train loss") and "left" not in shown[-1]["text/plain"], shown[-1]

    # What failed promises no time any more.
    result = kernel.run(
        "let mut wild = Sgd::new(params.trainable(), SgdConfig { lr: 1e30, ..SgdConfig::default() })?;\n"
        "fit(&model, &mut wild, slow, &data, None, &config, &mut seeded(0))?;"
    )
    assert result.status == "error" and "the training loss is inf" in result.error["evalue"], (result.reply, result.error)
    kinds = [m["msg_type"] for m in result.messages if "display" in m["msg_type"]]
    assert kinds[0] == "display_data" and set(kinds[1:]) == {"update_display_data"}, kinds
    last = result.of("update_display_data")[-1]["data"]["text/plain"]
    assert last.startswith("epoch 1/5  train loss") and last.endswith("  not finished"), last


def values_are_shown(kernel):
    assert kernel.run("1 + 1").shown() == [{"text/plain": "2"}]
    assert kernel.run('"text"').shown() == [{"text/plain": '"text"'}]
    assert kernel.run("let _x = 1;").shown() == []
    assert "vars" in kernel.run(":help").shown()[0]["text/plain"]


def a_display_of_the_readers_own_comes_first(kernel):
    kernel.run(
        "#[derive(Debug)] struct Shown(i32);\n"
        "impl Shown { fn evcxr_display(&self) {"
        ' println!("EVCXR_BEGIN_CONTENT text/html\\n<b>{}</b>\\nEVCXR_END_CONTENT", self.0) } }'
    )
    assert kernel.run("Shown(3)").shown() == [{"text/html": "<b>3</b>"}]
    assert kernel.run("let shown = Shown(4);\n&shown").shown() == [{"text/html": "<b>4</b>"}]
    assert kernel.run("vec![Shown(5)]").shown() == [{"text/plain": "[Shown(5)]"}]
    result = kernel.run("struct Dark;\nDark")
    assert result.status == "error" and "Debug" in result.error["evalue"], result.error


def the_reader_chooses_the_form_of_values(kernel):
    assert kernel.run("(1, 2)").shown() == [{"text/plain": "(1, 2)"}]
    kernel.run(":fmt {:#?}")
    assert kernel.run("(1, 2)").shown() == [{"text/plain": "(\n    1,\n    2,\n)"}]
    kernel.run(":fmt")


def ten_megabytes_arrive_in_order(kernel):
    result = kernel.run('for i in 0..1_000_000 { println!("{i:09}"); }')
    lines = result.text().split("\n")
    assert len(lines) == 1_000_001 and lines[:-1] == [f"{i:09}" for i in range(1_000_000)]


def a_thousand_quick_prints_arrive_in_order(kernel):
    result = kernel.run('for i in 0..1000 { eprint!("{i} "); }')
    assert result.text("stderr") == "".join(f"{i} " for i in range(1000))


def five_megabytes_can_be_displayed(kernel):
    result = kernel.run('println!("EVCXR_BEGIN_CONTENT text/html\\n{}\\nEVCXR_END_CONTENT", "<p>".repeat(1_750_000));')
    assert len(result.shown()[0]["text/html"]) == 5_250_000


def bytes_that_are_no_text_are_replaced(kernel):
    result = kernel.run('use std::io::Write; std::io::stdout().write_all(b"a\\xff\\xe2\\x82\\xac b\\n")?;')
    assert result.text() == "a\ufffd€ b\n", result.text()


def memory(kernel):
    """Of the kernel and the host, not of the cells, in MB."""
    ours = [kernel.pid] + [pid for pid in below(kernel.pid) if told(pid, "args").endswith(" host")]
    assert len(ours) == 2, ours
    return sum(int(told(pid, "rss")) for pid in ours) / 1024


ENDLESS = "let mut line = 0u64; loop { candlelight::interrupt::check()?; println!(\"{line:099}\"); line += 1; }"


def endless_text_that_nobody_reads_keeps_memory_bounded_and_can_be_interrupted(kernel):
    kernel.run('println!("warm");')
    before, most = memory(kernel), 0
    message_id = kernel.send(ENDLESS)
    # Where nothing is bounded, some 50 MB a second; a thousand messages are kept by the client.
    for _ in range(12):
        time.sleep(1)
        most = max(most, memory(kernel))
    assert most < before + GROWTH, (before, most)
    start = time.monotonic()
    kernel.interrupt()
    # On another socket than the text.
    reply = kernel.client.get_shell_msg(timeout=20)
    assert time.monotonic() - start < 5, time.monotonic() - start
    assert reply["parent_header"]["msg_id"] == message_id and reply["content"]["ename"] == "Interrupted", reply
    texts, stderr, idle = 0, "", False
    while not idle:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream" and message["content"]["name"] == "stderr":
            stderr += message["content"]["text"]
        elif message["msg_type"] == "stream":
            texts += len(message["content"]["text"])
        idle = message["parent_header"]["msg_id"] == message_id and message["content"].get("execution_state") == "idle"
    assert texts > 1 << 25, texts
    assert stderr.startswith("output was left out") and stderr.count("\n") == 1, stderr
    assert kernel.run('println!("again");').text() == "again\n"


def endless_text_that_is_read_keeps_memory_bounded_and_its_order(kernel):
    kernel.run('println!("warm");')
    before, most, texts, looks = memory(kernel), 0, 0, 0

    def look(message):
        nonlocal most, texts, looks
        if message["msg_type"] == "stream":
            texts += len(message["content"]["text"])
            if texts // 5_000_000 > looks:
                looks, most = texts // 5_000_000, max(most, memory(kernel))
                if looks == 10:
                    kernel.interrupt()

    result = kernel.run(ENDLESS, look)
    assert result.status == "error" and result.error["ename"] == "Interrupted", result.reply
    assert most < before + GROWTH, (before, most)
    lines = result.text().split("\n")[:-1]
    assert len(lines) >= 500_000 and all(map(str.isdigit, lines)), len(lines)
    # Of what waited when it was interrupted some may have been left out, and this says so.
    steps = {int(later) - int(line) for line, later in zip(lines, lines[1:])}
    assert steps == {1} or (min(steps) == 1 and "output was left out" in result.text("stderr")), steps


def input_is_asked_for(kernel):
    kernel.run('println!("warm");')
    message_id = kernel.send(
        'println!("EVCXR_INPUT_REQUEST:your name"); let mut line = String::new(); std::io::stdin().read_line(&mut line)?; '
        'println!("hello {}", line.trim());',
        allow_stdin=True,
    )
    request = kernel.client.get_stdin_msg(timeout=60)
    assert request["content"] == {"prompt": "your name", "password": False}, request
    kernel.client.input("Ada")
    assert kernel.wait(message_id).text() == "hello Ada\n"


READ = 'let mut line = String::new(); let bytes = std::io::stdin().read_line(&mut line)?; println!("{bytes} {line:?}");'


def where_the_client_cannot_ask_the_answer_is_empty(kernel):
    result = kernel.run('println!("EVCXR_INPUT_REQUEST:your name");' + READ, allow_stdin=False)
    assert result.text() == '1 "\\n"\n', result.text()


def a_cell_that_reads_unasked_goes_on_after_an_interrupt(kernel):
    kernel.run("let kept = 7;")
    message_id = kernel.send(READ)
    time.sleep(3)
    kernel.interrupt()
    result = kernel.wait(message_id)
    assert result.status == "ok" and result.text() == '1 "\\n"\n', (result.reply, result.text())
    # Nothing of it is left for the next cell, also where the interrupted one did not read.
    message_id = kernel.send("loop { candlelight::interrupt::check()?; }")
    time.sleep(3)
    kernel.interrupt()
    assert kernel.wait(message_id).error["ename"] == "Interrupted"
    assert kernel.run('println!("{kept}");').text() == "7\n"


def a_cell_that_closes_its_standard_input_is_told_and_its_process_replaced(kernel):
    result = kernel.run("let gone = 1; drop(unsafe { <std::fs::File as std::os::fd::FromRawFd>::from_raw_fd(0) });")
    again = kernel.run('println!("{gone}");') if result.status == "ok" else result
    assert again.error["ename"] == "ProcessEnded" and "gone" in again.error["evalue"], again.reply
    assert kernel.run('println!("again");').text() == "again\n"


def words_are_explained_and_completed(kernel):
    kernel.run("let counts: Vec<u64> = vec![1, 2];")
    reply = kernel.ask(kernel.client.inspect("counts.len()", 3))
    assert reply["found"] and "Vec<u64>" in reply["data"]["text/plain"], reply
    assert not kernel.ask(kernel.client.inspect("    ", 2))["found"]
    reply = kernel.ask(kernel.client.complete("counts.is_em", 12))
    assert any(match.startswith("is_empty") for match in reply["matches"]), reply["matches"]
    assert kernel.ask(kernel.client.is_complete("fn f() {"))["status"] == "incomplete"
    assert kernel.ask(kernel.client.is_complete("let a = 1;"))["status"] == "complete"


def state_passes_from_cell_to_cell(kernel):
    kernel.run("let mut sum: Vec<i32> = Vec::new();")
    for i in range(10):
        assert kernel.run(f"sum.push({i});").status == "ok"
    assert kernel.run("sum.iter().sum::<i32>()").shown() == [{"text/plain": "45"}]


def a_variable_that_no_cell_names_stays(kernel):
    kernel.run("let kept = vec![1, 2];\nlet mut moved = String::from(\"a\");")
    for cell in ['let other = 1;', 'println!("kept elsewhere: {other}");', "moved.push('b');"]:
        assert kernel.run(cell).status == "ok"
    assert kernel.run('println!("{kept:?} {moved}");').text() == "[1, 2] ab\n"
    kernel.run("drop(moved);")
    assert kernel.run("moved.len()").status == "error"
    assert kernel.run("kept.len()").shown() == [{"text/plain": "2"}]


def a_variable_whose_name_a_macro_puts_together_is_found(kernel):
    assert kernel.run(':dep paste = "1"\nlet wide_net = 7;').status == "ok"
    assert kernel.run('paste::paste! { println!("{}", [<wide _ net>]); };').text() == "7\n"
    assert kernel.run("wide_net").shown() == [{"text/plain": "7"}]


def a_variable_of_a_type_that_is_defined_anew_is_lost_and_says_so(kernel):
    kernel.run("#[derive(Debug)] struct Point(i32);\nlet point = Point(1);\nlet beside = 2;")
    result = kernel.run("#[derive(Debug)] struct Point(i32, i32);\nlet other = Point(1, 2);")
    assert "variable point was redefined" in result.text("stderr"), result.text("stderr")
    assert kernel.run("point").status == "error"
    assert kernel.run("beside + other.1").shown() == [{"text/plain": "4"}]


def main():
    with Kernel() as kernel:
        for name, check in list(globals().items()):
            if callable(check) and name not in ("Kernel", "main", "memory", "below", "told"):
                start = time.monotonic()
                check(kernel)
                print(f"ok   {time.monotonic() - start:5.1f} s  {name}", flush=True)


if __name__ == "__main__":
    main()
