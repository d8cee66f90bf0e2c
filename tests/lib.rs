//! What the suites share: PyTorch fixtures, comparisons and a gradient check. The suites are in `tests/`, one file a topic.

use std::path::Path;

use candlelight::autograd::value_and_grad;
use candlelight::candle_core::backprop::GradStore;
use candlelight::check::Verdict;
use candlelight::kernels::{Instructions, composed};
use candlelight::prelude::*;
use serde_json::Value;

pub mod documents;
pub mod elsewhere;
pub mod gradient;

pub use elsewhere::{elsewhere, everywhere, here};

/// Whether every layer is recorded by [`value_and_grad`]. On the base instruction set all are in their composed form, of which some are
/// Candle's operations, which Candle's backward pass differentiates.
pub fn layers_record() -> bool {
    Instructions::in_use() != Instructions::Base
}

/// Reads `fixtures/<name>.json`: a list of cases (see `fixtures/generate.py`).
pub fn fixture(name: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).with_extension("json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases: Vec<Value> = serde_json::from_str(&text).expect("a list of cases");
    assert!(!cases.is_empty());
    cases.into_iter().map(Case).collect()
}

/// One case of a fixture.
pub struct Case(pub Value);

impl Case {
    /// The first word of the case's name: what is tested.
    pub fn subject(&self) -> &str {
        self.words()[0]
    }

    /// The second word of the case's name: a dimension, a reduction.
    pub fn option(&self) -> Option<&str> {
        self.words().get(1).copied()
    }

    fn words(&self) -> Vec<&str> {
        self.0["name"].as_str().expect("a name").split(' ').collect()
    }

    /// F32 or F64.
    pub fn dtype(&self) -> DType {
        match self.0["dtype"].as_str() {
            Some("f32") => DType::F32,
            Some("f64") => DType::F64,
            other => panic!("dtype {other:?}"),
        }
    }

    /// A stored tensor of the case's dtype, on [`here`].
    pub fn tensor(&self, name: &str) -> Tensor {
        self.f64(name).to_dtype(self.dtype()).unwrap().to_device(&here()).unwrap()
    }

    /// A stored tensor as F64, on the CPU.
    pub fn f64(&self, name: &str) -> Tensor {
        let value = &self.0[name];
        let numbers = |key: &str| value[key].as_array().unwrap_or_else(|| panic!("no tensor {name}")).iter();
        let shape: Vec<usize> = numbers("shape").map(|n| n.as_u64().unwrap() as usize).collect();
        let data: Vec<f64> = numbers("data").map(|n| n.as_f64().unwrap()).collect();
        Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
    }

    /// A stored tensor as class indices, on [`here`].
    pub fn labels(&self, name: &str) -> Tensor {
        self.f64(name).to_dtype(DType::U32).unwrap().to_device(&here()).unwrap()
    }

    /// Compares an output, and the gradients of the sum of output times `cotangent`, with PyTorch's.
    ///
    /// Tolerances: those of `torch.testing.assert_close` for F32; 1e-9 for F64.
    #[track_caller]
    pub fn check(&self, output: &Tensor, inputs: &[(&str, &Var)]) {
        let loss = (output * self.tensor("cotangent")).unwrap().sum_all().unwrap();
        self.compare("plain", output, &loss.backward().unwrap(), inputs);
    }

    /// [`Case::check`] of a kernel with Candle's backward pass and with the tape of `value_and_grad`, and of the composed form.
    #[track_caller]
    pub fn check_every_way(&self, forward: impl Fn() -> Result<Tensor>, inputs: &[(&str, &Var)]) {
        self.check(&forward().unwrap(), inputs);
        self.check(&composed(&forward).unwrap(), inputs);
        let mut output = None;
        let taped = value_and_grad(|| {
            let y = forward()?;
            output = Some(y.clone());
            Ok((y * self.tensor("cotangent"))?.sum_all()?)
        });
        self.compare("tape", &output.expect("an output"), &taped.unwrap().1, inputs);
    }

    #[track_caller]
    fn compare(&self, way: &str, output: &Tensor, gradients: &GradStore, inputs: &[(&str, &Var)]) {
        let (rtol, atol) = if self.dtype() == DType::F64 { (1e-9, 1e-9) } else { (1.3e-6, 1e-5) };
        let name = format!("{} {:?} ({way})", self.0["name"], self.dtype());
        assert_eq!(output.dtype(), self.dtype(), "{name}");
        assert_close(&format!("{name}: output"), output, &self.f64("output"), rtol, atol);
        for (key, var) in inputs {
            let gradient = gradients.get(var).unwrap_or_else(|| panic!("{name}: no gradient of {key}"));
            let expected = self.f64(&format!("grad_{key}"));
            assert_close(&format!("{name}: gradient of {key}"), gradient, &expected, rtol, atol);
        }
    }
}

/// An empty store of parameters, on [`here`].
pub fn store(dtype: DType) -> Params {
    Params::with_dtype(0, dtype, &here()).unwrap()
}

/// The numbers of a tensor, in order.
pub fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// A tensor of one element as a number.
pub fn number(tensor: &Tensor) -> f64 {
    flat(tensor)[0]
}

/// Asserts equal shapes and, element by element, |actual - expected| ≤ atol + rtol |expected|; where one of the two is not on the CPU,
/// or 1e-4 of the largest number in F32, 1e-12 in F64.
#[track_caller]
pub fn assert_close(what: &str, actual: &Tensor, expected: &Tensor, rtol: f64, atol: f64) {
    assert_eq!(actual.dims(), expected.dims(), "{what}: shape");
    let least = elsewhere::tolerance(actual, expected);
    for (i, (actual, expected)) in flat(actual).into_iter().zip(flat(expected)).enumerate() {
        let close = (actual - expected).abs() <= least.max(atol + rtol * expected.abs());
        assert!(close, "{what}: element {i} is {actual}, expected {expected}");
    }
}

/// The same numbers behind strides that are not those of a fresh tensor: the last two dimensions swapped in memory, or every
/// second of a vector twice as long.
pub fn strided(x: &Tensor) -> Tensor {
    let strided = match x.rank() {
        0 => x.clone(),
        1 => Tensor::stack(&[x, &x.zeros_like().unwrap()], 1).unwrap().narrow(1, 0, 1).unwrap().squeeze(1).unwrap(),
        _ => x.transpose(D::Minus1, D::Minus2).unwrap().contiguous().unwrap().transpose(D::Minus1, D::Minus2).unwrap(),
    };
    assert_eq!(flat(&strided), flat(x));
    strided
}

/// The check of an exercise must pass.
#[track_caller]
pub fn accepts(verdict: Verdict) {
    assert!(verdict.is_passed(), "{verdict}");
}

/// The check of an exercise must not pass, and its verdict must hold these words.
#[track_caller]
pub fn rejects(verdict: Verdict, words: &str) {
    assert!(!verdict.is_passed());
    assert!(verdict.to_string().contains(words), "{verdict}");
}
