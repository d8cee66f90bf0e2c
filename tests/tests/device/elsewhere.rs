//! How the suites find where to compute: no device that was asked for is replaced by the CPU.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use candlelight::prelude::*;
use candlelight_tests::elsewhere::{batch, cases, device, is_composed};
use candlelight_tests::{assert_close, elsewhere, here};

/// Not a test of its own: the program that the next test runs.
#[test]
fn child() {
    if std::env::var_os("CANDLELIGHT_TEST_ELSEWHERE").is_some() {
        println!("\ndevice {:?}", device().location());
    }
}

/// What a program prints to both streams that runs with the variable at this value.
fn with(value: Option<&str>) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "elsewhere::child", "--nocapture"]).env("CANDLELIGHT_TEST_ELSEWHERE", "1");
    command.env_remove("CANDLELIGHT_DEVICE").envs(value.map(|value| ("CANDLELIGHT_DEVICE", value)));
    let output = command.output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn the_variable_is_obeyed_or_refused() {
    for value in [None, Some("cpu")] {
        assert!(with(value).contains("\ndevice Cpu\n"), "{}", with(value));
    }
    for value in ["", "CUDA", "cuda:1", "metal"] {
        let said = with(Some(value));
        assert!(said.contains(&format!("CANDLELIGHT_DEVICE must be cpu or cuda, got {value:?}")), "{said}");
    }
    let said = with(Some("cuda"));
    assert!(said.contains("device Cuda") || said.contains("CANDLELIGHT_DEVICE is cuda"), "{said}");
    assert!(!said.contains("device Cpu"), "{said}");
    if !cfg!(feature = "cuda") {
        assert!(said.contains("there is no card, or no feature `cuda`"), "{said}");
    }
}

#[test]
fn every_call_gives_the_same_card() {
    // Tensors of two handles of a card do not mix, and nothing orders what is done with them.
    let [first, again] = [best_device().unwrap(), std::thread::spawn(|| best_device().unwrap()).join().unwrap()];
    assert!(first.same_device(&again));
}

#[test]
fn what_is_not_made_elsewhere_is_refused() {
    let on_cpu = catch_unwind(|| elsewhere(|| Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap()));
    let said = on_cpu.unwrap_err();
    assert_eq!(said.downcast_ref::<&str>(), Some(&"nothing was made elsewhere"));
    assert!(elsewhere(here).same_device(&device()) && here().is_cpu());
    // Also after a panic.
    let failed =
        catch_unwind(AssertUnwindSafe(|| elsewhere(|| assert!(here().is_cuda() && here().is_cpu(), "on purpose"))));
    assert!(failed.is_err() && here().is_cpu() && !is_composed());
    assert_eq!(elsewhere(|| (here(), is_composed()).1), device().is_cpu());
}

#[test]
fn on_the_cpu_nothing_is_smaller_and_no_tolerance_wider() {
    if device().is_cpu() {
        assert_eq!((cases(100), batch(64, 1_000_000)), (100, 64));
    }
    let [one, other] = [1f32, 1.0001].map(|number| Tensor::new(&[number], &Device::Cpu).unwrap());
    assert!(catch_unwind(AssertUnwindSafe(|| assert_close("numbers", &one, &other, 0.0, 1e-5))).is_err());
}
