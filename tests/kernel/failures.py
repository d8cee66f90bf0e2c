"""What fails, fails: panics, errors, interrupts, and what the reader keeps."""

import time

from client import Kernel


def a_panic_fails_the_cell_and_names_its_line(kernel):
    first = kernel.run("let kept = 41;")
    assert first.status == "ok" and first.reply["execution_count"] == 1, first.reply
    result = kernel.run("let a = 1;\nlet b = 2;\nassert_eq!(a, b, \"they differ\");\nprintln!(\"never\");")
    assert result.status == "error" and result.error["ename"] == "Panic", result.reply
    assert "they differ" in result.error["evalue"] and "left: 1" in result.error["evalue"], result.error
    assert "cell [2], line 3" in result.trace and "assert_eq!(a, b" in result.trace, result.trace
    assert result.text() == "" and result.text("stderr") == "", result.messages
    assert "lib.rs" not in result.trace and "backtrace" not in result.trace, result.trace
    assert kernel.run("println!(\"{}\", kept + 1);").text() == "42\n"


def a_backtrace_is_shown_to_those_who_ask(kernel):
    kernel.run("fn inner(x: Option<i32>) -> i32 { x.expect(\"with its way\") }\nuse candlelight::prelude::*;")
    kernel.run('unsafe { std::env::set_var("RUST_BACKTRACE", "1") };')
    result = kernel.run("let all: Vec<i32> = vec![None].into_iter().map(inner).collect();")
    mapped = kernel.run("let all: Vec<i32> = parallel_map(0..2, |_| Ok(inner(None)))?;")
    kernel.run('unsafe { std::env::set_var("RUST_BACKTRACE", "full") };')
    full = kernel.run("inner(None)")
    kernel.run('unsafe { std::env::remove_var("RUST_BACKTRACE") };')
    assert result.error["evalue"] == mapped.error["evalue"] == "with its way", result.error
    # The reader's functions and the crate's, and no others.
    first, last = frames(result)[0], frames(result)[-1]
    assert "inner" in first and "run_user_code" in last and len(frames(result)) < 5, result.trace
    # The standard library knows the libraries that there were at the first backtrace: this cell came later.
    assert "candlelight_kernels::threads" in frames(mapped)[0] and "functions without a name" in mapped.trace, mapped.trace
    for frame in frames(result) + frames(mapped):
        assert not frame.startswith(("std::", "core::", "alloc::", "candlelight_cells::")), frame
    assert any("rust_begin_unwind" in frame for frame in frames(full)) and len(frames(full)) > 15, full.trace
    assert frames(kernel.run("inner(None)")) == []


def frames(result):
    """The names in a backtrace."""
    numbered = (line.split(": ", 1) for line in result.trace.splitlines() if ": " in line)
    return [name for number, name in numbered if number.strip().isdigit()]


def a_question_mark_fails_the_cell(kernel):
    result = kernel.run('let number: i32 = "12".parse()?;\nlet wrong: i32 = "twelve".parse()?;')
    assert result.status == "error" and result.error["ename"] == "Error", result.reply
    assert result.error["evalue"] == "invalid digit found in string", result.error
    assert "line 2" in result.trace and "twelve" in result.trace, result.trace
    assert result.text("stderr") == "", result.text("stderr")


def a_cell_that_does_not_compile_is_an_error(kernel):
    result = kernel.run('let fine = 1;\nlet wrong: i32 = "a";')
    assert result.status == "error" and result.error["ename"] == "CompileError", result.reply
    assert "mismatched types" in result.error["evalue"], result.error
    assert "line 2" in result.trace and "^^^" in result.trace and "E0308" in result.trace, result.trace


def cells_behind_a_failure_are_not_run(kernel):
    waiting = [kernel.send(code) for code in ["let w = 1;", "panic!(\"stop\");", "println!(\"ran\");", "println!(\"ran\");"]]
    results = [kernel.wait(message_id) for message_id in waiting]
    assert [result.status for result in results] == ["ok", "error", "aborted", "aborted"], [r.reply for r in results]
    assert results[3].reply == {"status": "aborted"}, "a cell that did not run has no number"
    assert kernel.run("println!(\"{w}\");").text() == "1\n"
    waiting = [kernel.send(code, stop_on_error=False) for code in ["panic!(\"go on\");", "println!(\"ran\");"]]
    assert [kernel.wait(message_id).status for message_id in waiting] == ["error", "ok"]


def a_panic_of_another_thread_is_told(kernel):
    result = kernel.run('let joined = std::thread::spawn(|| -> i32 { panic!("inside") }).join().is_err();\nprintln!("{joined}");')
    assert result.status == "ok" and result.text() == "true\n", result.reply
    assert "inside" in result.text("stderr"), result.text("stderr")


def an_interrupt_ends_a_loop_of_the_crate_and_keeps_the_variables(kernel):
    kernel.run("use candlelight::prelude::*;\nlet mut turns = 0u64;")
    message_id = kernel.send("loop { candlelight::interrupt::check()?; turns += 1; std::thread::sleep(std::time::Duration::from_millis(1)); }")
    wait_until_running(kernel)
    start = time.monotonic()
    kernel.interrupt()
    result = kernel.wait(message_id)
    assert time.monotonic() - start < 1, time.monotonic() - start
    assert result.status == "error" and result.error["ename"] == "Interrupted", result.reply
    assert int(kernel.run("println!(\"{turns}\");").text()) > 0
    # The request was for that cell.
    assert kernel.run("candlelight::interrupt::check()?; println!(\"goes on\");").text() == "goes on\n"


def a_loop_that_never_looks_is_ended_by_the_second_interrupt(kernel):
    kernel.run("let lost_one = 1; let lost_two = 2;")
    message_id = kernel.send("loop { std::thread::sleep(std::time::Duration::from_millis(5)); }")
    wait_until_running(kernel)
    kernel.interrupt()
    time.sleep(0.5)
    kernel.interrupt()
    result = kernel.wait(message_id)
    assert result.status == "error" and result.error["ename"] == "Interrupted", result.reply
    assert "lost_one, lost_two" in result.error["evalue"], result.error
    assert kernel.run("println!(\"again\");").text() == "again\n"


def an_interrupt_is_never_lost(kernel):
    """Whether it comes before the cell's turn, while the cell is compiled, loaded, or runs."""
    for hundredths in range(3, 60, 3):
        message_id = kernel.send("loop { candlelight::interrupt::check()?; std::thread::sleep(std::time::Duration::from_millis(1)); }")
        time.sleep(hundredths / 100)
        start = time.monotonic()
        kernel.interrupt()
        result = kernel.wait(message_id)
        assert result.status == "error" and result.error["ename"] == "Interrupted", result.reply
        assert time.monotonic() - start < 2, (hundredths, time.monotonic() - start)
    assert kernel.run("println!(\"goes on\");").text() == "goes on\n"


def a_process_that_dies_is_told_and_replaced(kernel):
    for code, how in [
        ("std::process::exit(3);", "exited with code 3"),
        ("std::process::abort();", "signal 6 (aborted)"),
        ("unsafe { std::ptr::null_mut::<i32>().write_volatile(1) };", "signal 11 (segmentation fault)"),
    ]:
        kernel.run("let gone = 1;")
        result = kernel.run(f"println!(\"before\");\nprint!(\"half\");\n{code}")
        assert result.status == "error" and result.error["ename"] == "ProcessEnded", result.reply
        assert how in result.error["evalue"] and "gone" in result.error["evalue"], result.error
        assert result.text().startswith("before\n"), result.text()
        assert kernel.run("println!(\"again\");").text() == "again\n"


def wait_until_running(kernel):
    """A cell is compiled first; half a second is enough here, and an interrupt before would keep it from running."""
    time.sleep(3)


def main():
    with Kernel() as kernel:
        for name, check in list(globals().items()):
            if callable(check) and name not in ("Kernel", "main", "wait_until_running", "frames"):
                start = time.monotonic()
                check(kernel)
                print(f"ok   {time.monotonic() - start:5.1f} s  {name}", flush=True)


if __name__ == "__main__":
    main()
