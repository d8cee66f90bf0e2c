//! A backtrace as the reader needs it: without the standard library, and without what calls the cell.

/// Crates whose functions say nothing about the reader's code.
const OTHERS: [&str; 6] = ["std", "core", "alloc", "__rustc", "candlelight_cells", "evcxr_internal_runtime"];
/// How the name of the function begins that evcxr makes of a cell.
const CELL: &str = "run_user_code";
/// The standard library looks for libraries once in a process, so it knows no function of those that are loaded later.
const UNKNOWN: &str = "<unknown>";
const LATER: &str = "      (and functions without a name: those of cells after the first backtrace)\n";

/// The functions of the cells and of their crates, numbered anew, to that of the cell; all there are, if none is one.
pub fn trimmed(trace: &str) -> String {
    let mut frames: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in trace.lines() {
        match (line.trim_start(), frames.last_mut()) {
            (place, Some((_, places))) if place.starts_with("at ") => places.push(line),
            // Functions that were put into another one have no number.
            (name, _) => frames.push((
                name.split_once(": ")
                    .filter(|(number, _)| number.parse::<u32>().is_ok())
                    .map_or(name, |(_, name)| name),
                Vec::new(),
            )),
        }
    }
    // What is below the function of the cell called it.
    let end = frames.iter().position(|(name, _)| name.starts_with(CELL)).map_or(frames.len(), |cell| cell + 1);
    frames.truncate(end);
    let later = if frames.iter().any(|(name, _)| *name == UNKNOWN) { LATER } else { "" };
    frames.retain(|(name, _)| is_own(name));
    if frames.is_empty() && later.is_empty() {
        return trace.to_owned();
    }
    let numbered = frames.iter().enumerate().map(|(i, (name, places))| {
        let places: String = places.iter().map(|place| format!("{place}\n")).collect();
        format!("{i:4}: {name}\n{places}")
    });
    numbered.chain([later.to_owned()]).collect()
}

/// Whether a function is of a crate that the cell uses: not C's, nor one of `OTHERS`, for any type.
fn is_own(name: &str) -> bool {
    let starts = |path: &str| {
        let path = path.trim_start_matches(['<', '&', '*', '(', '[']);
        let path = ["mut ", "const ", "dyn ", "impl "].iter().fold(path, |path, word| path.trim_start_matches(word));
        path.split("::").next().unwrap_or_default().to_owned()
    };
    let is_other = |path: &str| OTHERS.contains(&&*starts(path));
    // `<T as core::…>::…`, where T can be anything.
    let generic = name.split_once(" as ").is_some_and(|(of, path)| !of.contains("::") && is_other(path));
    name.starts_with(CELL) || (name.contains("::") && !is_other(name) && !generic)
}

#[cfg(test)]
mod tests {
    use super::trimmed;

    const TRACE: &str = "   0: std::backtrace_rs::backtrace::trace
             at /rustc/598/library/std/src/backtrace.rs:331:13
      std::backtrace::Backtrace::create
   1: candlelight_cells::panics::tell
             at ./kernel/cells/src/panics.rs:25:40
   2: <alloc::boxed::Box<dyn for<'a> core::ops::function::Fn<(&'a i32,)>> as core::ops::function::Fn<(&i32,)>>::call
   3: __rustc::rust_begin_unwind
   4: core::option::Option<T>::unwrap
   5: ctx::inner
             at ./src/lib.rs:4:5
   6: <I as alloc::vec::in_place_collect::SpecInPlaceCollect<T,I>>::collect_in_place
   7: <&dyn core::ops::function::Fn<()> as core::ops::function::FnOnce<()>>::call_once
   8: <candlelight::nn::Linear as candlelight::nn::Module>::forward
      <alloc::vec::Vec<T> as core::iter::traits::collect::FromIterator<T>>::from_iter
   9: candle_core::tensor::Tensor::matmul
  10: run_user_code_3
  11: candlelight_cells::Cells::run
  12: reader::called_from_outside
  13: main
  14: __libc_start_main_impl
             at ./csu/../csu/libc-start.c:360:3
";

    #[test]
    fn the_readers_functions_are_left_to_that_of_the_cell() {
        let expected = "   0: ctx::inner
             at ./src/lib.rs:4:5
   1: <candlelight::nn::Linear as candlelight::nn::Module>::forward
   2: candle_core::tensor::Tensor::matmul
   3: run_user_code_3
";
        assert_eq!(trimmed(TRACE), expected);
    }

    #[test]
    fn another_thread_ends_with_the_function_that_it_began_with() {
        let thread =
            "   4: ctx::inner\n   5: std::thread::lifecycle::spawn_unchecked\n   6: start_thread\n   7: clone3\n";
        assert_eq!(trimmed(thread), "   0: ctx::inner\n");
    }

    #[test]
    fn functions_without_a_name_are_said_to_be_there() {
        let unknown =
            "   0: std::panicking::panic\n   1: <unknown>\n   2: candlelight_kernels::threads::pool::Pool::run\n";
        let expected = "   0: candlelight_kernels::threads::pool::Pool::run\n";
        assert_eq!(trimmed(unknown), expected.to_owned() + super::LATER);
    }

    #[test]
    fn rather_all_than_nothing() {
        let others = "   0: std::panicking::panic\n   1: start_thread\n";
        assert_eq!(trimmed(others), others);
    }
}
