//! The set-up of a process: its threads, and one copy of the statics; composed forms, and what other devices compute.

mod composed;
mod counts;
mod elsewhere;
mod launches;
mod same_bits;
mod suite;

use std::process::Command;

use candlelight::device::check_statics;
use candlelight::prelude::*;

const CPU: Device = Device::Cpu;

/// Not a test of its own: the program that the next test runs.
#[test]
fn child() {
    if std::env::var_os("CANDLELIGHT_TEST_CHILD").is_some() {
        println!();
        println!("statics {:?}", check_statics().is_ok());
        println!("threads {:?}", std::env::var("RAYON_NUM_THREADS"));
        println!("device {}", describe(&CPU));
    }
}

/// Runs `child` through a shell that first sets or unsets variables; `$$` is then the child's own process number.
fn child_output(prepare: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("{prepare}; exec \"$0\" --exact child --nocapture")])
        .arg(std::env::current_exe().unwrap())
        .env("CANDLELIGHT_TEST_CHILD", "1")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_number_of_threads_is_set_where_it_is_not() {
    let given = child_output("export RAYON_NUM_THREADS=1");
    assert!(given.contains("threads Ok(\"1\")\n") && given.contains("device CPU, 1 threads"), "{given}");
    let cores = std::thread::available_parallelism().unwrap();
    let unset = child_output("unset RAYON_NUM_THREADS");
    assert!(unset.contains(&format!("threads Ok(\"{cores}\")\n")), "{unset}");
}

#[test]
fn a_second_copy_of_the_statics_is_refused_and_a_child_process_is_none() {
    check_statics().unwrap();
    check_statics().unwrap();
    let ours = std::env::var("CANDLELIGHT_STATICS").unwrap();
    assert!(ours.starts_with(&format!("{}:", std::process::id())), "{ours}");
    assert!(child_output("true").contains("statics true"), "it inherits the variable, but it is another process");
    let second = child_output("export CANDLELIGHT_STATICS=$$:0x1");
    assert!(second.contains("statics false"), "another address in the same process: {second}");
    assert!(Error::DuplicateStatics.to_string().contains("second copy"));
}
