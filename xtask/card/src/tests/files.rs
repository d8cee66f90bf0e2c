//! Kernels of files that are named in the environment, not in every run: `CARD_PTX=folder cargo test -p candlelight-card files`.

use super::{Memory, module};
use crate::machine::{Launch, run};
use crate::ptx::decode;

#[test]
fn kernels_of_the_files_can_be_decoded() {
    let Ok(folder) = std::env::var("CARD_PTX") else {
        return;
    };
    let (mut known, mut eight, mut unknown) = (0, 0, Vec::new());
    for entry in std::fs::read_dir(&folder).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|end| end != "ptx") {
            continue;
        }
        let start = std::time::Instant::now();
        let module = module(&std::fs::read_to_string(&path).unwrap());
        println!("{}: {} kernels, read in {:?}", path.display(), module.entries.len(), start.elapsed());
        let addresses = module.variables.iter().map(|variable| (variable.name.clone(), 4096)).collect();
        for name in module.entries.keys() {
            match decode(&module, name, &addresses) {
                Ok(_) => known += 1,
                // Numbers of 8 bits with a point are not known here.
                Err(error) if error.contains("e4m3x2") => eight += 1,
                Err(error) => unknown.push(format!("{name}: {error}")),
            }
        }
    }
    unknown.sort();
    println!("{known} kernels decoded, {eight} not, for numbers of 8 bits with a point");
    assert!(unknown.is_empty(), "{} not:\n{}", unknown.len(), unknown.join("\n"));
}

/// A kernel of Candle's, on memory that is allocated here: 64-bit parameters, and F32 at the end.
fn candle(file: &str, name: &str, (blocks, threads): (u32, u32), wide: &[u64], narrow: &[f32]) -> Option<()> {
    let folder = std::env::var("CARD_PTX").ok()?;
    let module = module(&std::fs::read_to_string(format!("{folder}/{file}.ptx")).ok()?);
    let held: Vec<(String, Memory)> = module
        .variables
        .iter()
        .filter(|variable| variable.size > 0)
        .map(|variable| {
            let memory = Memory::new(variable.size);
            // SAFETY: it was allocated for this.
            unsafe { (memory.0 as *mut u8).copy_from_nonoverlapping(variable.begins.as_ptr(), variable.begins.len()) };
            (variable.name.clone(), memory)
        })
        .collect();
    let addresses = held.iter().map(|(name, memory)| (name.clone(), memory.0)).collect();
    let program = decode(&module, name, &addresses).unwrap();
    let mut parameters: Vec<u8> = wide.iter().flat_map(|value| value.to_le_bytes()).collect();
    parameters.extend(narrow.iter().flat_map(|value| value.to_le_bytes()));
    let launch = Launch {
        program: &program,
        blocks: [blocks, 1, 1],
        threads: [threads, 1, 1],
        shared: 0,
        shared_limit: 49152,
        parameters,
    };
    let start = std::time::Instant::now();
    run(&launch).unwrap();
    println!("{name}: {:?}", start.elapsed());
    Some(())
}

fn floats(values: impl IntoIterator<Item = f32>) -> Memory {
    let values: Vec<f32> = values.into_iter().collect();
    let memory = Memory::new(values.len() * 4);
    // SAFETY: it was allocated for this.
    unsafe { (memory.0 as *mut f32).copy_from_nonoverlapping(values.as_ptr(), values.len()) };
    memory
}

const MANY: usize = 100_000;

#[test]
fn a_unary_and_an_affine_kernel_of_candle() {
    let (input, output) = (floats((0..MANY).map(|at| at as f32 / 1e4 - 5.0)), Memory::new(MANY * 4));
    let grid = (MANY.div_ceil(1024) as u32, 1024);
    for (name, function) in [("uexp_f32", f64::exp as fn(f64) -> f64), ("usin_f32", f64::sin), ("utanh_f32", f64::tanh)]
    {
        if candle("unary", name, grid, &[MANY as u64, 0, 0, input.0, output.0], &[]).is_none() {
            return;
        }
        for (&x, &y) in input.read::<f32>().iter().zip(&output.read::<f32>()) {
            let expected = function(f64::from(x));
            assert!(
                (f64::from(y) - expected).abs() <= 2e-7 * expected.abs().max(1.0),
                "{name} {x}: {y}, not {expected}"
            );
        }
    }
    candle("affine", "affine_f32", grid, &[MANY as u64, 0, 0, input.0, output.0], &[2.0, 1.0]).unwrap();
    let expected: Vec<f32> = input.read::<f32>().iter().map(|x| x.mul_add(2.0, 1.0)).collect();
    assert_eq!(output.read::<f32>(), expected);
}

#[test]
fn functions_of_f64_that_a_kernel_calls() {
    let values: Vec<u64> = [0.1f64, 1e9, -3e15, 1e300, 2.5].iter().map(|x| x.to_bits()).collect();
    let (input, output) = (Memory::of(&values), Memory::new(40));
    for (name, function) in [("usin_f64", f64::sin as fn(f64) -> f64), ("ucos_f64", f64::cos), ("uexp_f64", f64::exp)] {
        if candle("unary", name, (1, 32), &[5, 0, 0, input.0, output.0], &[]).is_none() {
            return;
        }
        for (&x, &y) in input.read::<f64>().iter().zip(&output.read::<f64>()) {
            let expected = function(x);
            assert!(
                y == expected || (y - expected).abs() <= 4e-16 * expected.abs().max(1e-3),
                "{name} {x}: {y}, not {expected}"
            );
        }
    }
    candle("unary", "upowf_f64", (1, 32), &[5, 0, 0, 3.5f64.to_bits(), input.0, output.0], &[]);
    for (&x, &y) in input.read::<f64>().iter().zip(&output.read::<f64>()) {
        let expected = x.powf(3.5);
        assert!(
            y == expected || (y - expected).abs() <= 1e-15 * expected.abs() || y.is_nan() && expected.is_nan(),
            "{x}: {y}, not {expected}"
        );
    }
}

#[test]
fn a_sum_of_candle_over_the_last_dimension() {
    let (rows, columns) = (100, 1000);
    let (input, output) = (floats((0..MANY).map(|at| (at % 7) as f32)), Memory::new(rows * 4));
    let shape = Memory::of(&[rows as u64, columns as u64, columns as u64, 1]);
    let parameters = [MANY as u64, columns as u64, 2, shape.0, input.0, output.0];
    if candle("reduce", "fast_sum_f32", (rows as u32, 1024), &parameters, &[]).is_none() {
        return;
    }
    let expected: Vec<f32> = input.read::<f32>().chunks(columns).map(|row| row.iter().sum()).collect();
    assert_eq!(output.read::<f32>(), expected);
}
