//! Embeddings against PyTorch, finite differences and their composed form.

use candlelight::autograd::value_and_grad;
use candlelight::nn::{Embedding, EmbeddingConfig, Mode, Module, embedding};
use candlelight::prelude::*;
use candlelight_tests::elsewhere::cases;
use candlelight_tests::{assert_close, elsewhere, everywhere, fixture, flat, here, store, strided};
use proptest::prelude::{ProptestConfig, any, proptest};

#[test]
fn agrees_with_pytorch() {
    everywhere(|| {
        for case in fixture("embedding") {
            let weight = case.tensor("weight");
            let (rows, width) = weight.dims2().unwrap();
            let padding_idx = case.option().map(|_| rows / 2);
            let config = EmbeddingConfig { padding_idx, ..EmbeddingConfig::default() };
            let layer = Embedding::new(rows, width, config, store(case.dtype())).unwrap();
            layer.weight().set(&weight).unwrap();
            for dtype in [DType::U8, DType::U32, DType::I64] {
                let x = case.f64("x").to_dtype(dtype).unwrap().to_device(&here()).unwrap();
                for mode in [Mode::Train, Mode::Eval] {
                    case.check_every_way(|| layer.forward(&x, mode), &[("weight", layer.weight())]);
                    case.check_every_way(|| layer.forward(&strided(&x), mode), &[("weight", layer.weight())]);
                }
            }
        }
    });
}

#[test]
fn gradients_agree_with_finite_differences() {
    let layer = embedding(4, 3, store(DType::F64)).unwrap();
    let x = Tensor::new(&[[2u32, 0, 2], [3, 2, 0]], &Device::Cpu).unwrap();
    let loss = || layer.forward(&x, Mode::Train).unwrap().powf(3.0).unwrap().sum_all().unwrap();
    let actual = flat(loss().backward().unwrap().get(layer.weight()).unwrap());
    let start = layer.weight().as_detached_tensor().copy().unwrap();
    for (j, &actual) in actual.iter().enumerate() {
        let at = |shift: f64| {
            let mut values = flat(&start);
            values[j] += shift;
            layer.weight().set(&Tensor::from_vec(values, (4, 3), &Device::Cpu).unwrap()).unwrap();
            flat(&loss())[0]
        };
        let expected = (at(1e-6) - at(-1e-6)) / 2e-6;
        assert!((actual - expected).abs() < 1e-5 + 1e-3 * expected.abs(), "{j}: {actual} {expected}");
    }
    // Row 1 is not looked up.
    assert_eq!(actual[3..6], [0.0; 3]);
    assert!(actual[..3].iter().chain(&actual[6..]).all(|&g| g != 0.0));
}

#[test]
fn repeated_rows_add_up_in_order() {
    // In f32 the order decides: 1e8 + 1 + ... + 1 - 1e8 is 0 from left to right.
    let layer = embedding(3, 1, store(DType::F32)).unwrap();
    let x = Tensor::ones(6, DType::U32, &Device::Cpu).unwrap();
    let cotangent = Tensor::new(&[[1e8f32], [1.], [1.], [1.], [1.], [-1e8]], &Device::Cpu).unwrap();
    let gradients = value_and_grad(|| Ok((layer.forward(&x, Mode::Train)? * &cotangent)?.sum_all()?)).unwrap().1;
    assert_eq!(flat(gradients.get(layer.weight()).unwrap()), [0.0, 0.0, 0.0]);
}

#[test]
fn padding_starts_as_zeros_and_stays() {
    let config = EmbeddingConfig { padding_idx: Some(1), ..EmbeddingConfig::default() };
    let layer = Embedding::new(300, 40, config, store(DType::F32)).unwrap();
    assert_eq!(layer.padding_idx(), Some(1));
    let rows = layer.weight().to_vec2::<f32>().unwrap();
    assert_eq!(rows[1], [0.0; 40]);
    let others: Vec<f64> = rows[2..].iter().flatten().map(|&v| f64::from(v)).collect();
    let n = others.len() as f64;
    let (mean, square) = (others.iter().sum::<f64>() / n, others.iter().map(|v| v * v).sum::<f64>() / n);
    // N(0, 1), within 4.5 standard errors.
    assert!(mean.abs() < 4.5 / n.sqrt() && (square - 1.0).abs() < 4.5 * (2.0 / n).sqrt(), "{mean} {square}");
    let gradient = || {
        let layer = Embedding::new(30, 4, config, store(DType::F32)).unwrap();
        let x = Tensor::new(&[1u32, 0, 1], &here()).unwrap();
        let gradients = value_and_grad(|| Ok(layer.forward(&x, Mode::Train)?.sum_all()?)).unwrap().1;
        gradients.get(layer.weight()).unwrap().to_vec2::<f32>().unwrap()
    };
    for gradient in [gradient(), elsewhere(gradient)] {
        assert_eq!((gradient[0][0], gradient[1][0], gradient[2][0]), (1.0, 0.0, 0.0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(60), failure_persistence: None, ..ProptestConfig::default() })]

    /// Tables and lists of any size, beyond one piece of work: the kernel is the composed form.
    #[test]
    fn kernels_are_the_composed_form(rows in 1_usize..400, width in 1_usize..90, n in 0_usize..500, padded in any::<bool>()) {
        let config = EmbeddingConfig { padding_idx: padded.then_some(rows / 3), ..EmbeddingConfig::default() };
        let indices: Vec<u32> = (0..n).map(|i| (i * i * 7919 % rows) as u32).collect();
        let both = || {
            let layer = Embedding::new(rows, width, config, store(DType::F64)).unwrap();
            let x = Tensor::from_vec(indices.clone(), n, &here()).unwrap();
            let y = layer.forward(&x, Mode::Train).unwrap();
            let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            (y, gradients.get(layer.weight()).unwrap().clone())
        };
        let (actual, expected) = (both(), elsewhere(both));
        assert_eq!(flat(&actual.0), flat(&expected.0));
        assert_close("gradient", &actual.1, &expected.1, 1e-12, 1e-12);
    }
}

#[test]
fn bad_input_is_a_typed_error() {
    let layer = embedding(5, 2, store(DType::F32)).unwrap();
    let x = Tensor::new(&[[0u32, 4], [5, 9]], &Device::Cpu).unwrap();
    let message = layer.forward(&x, Mode::Eval).unwrap_err().to_string();
    assert_eq!(message, "index 5 at position 2 is outside 0..5");
    let x = Tensor::new(&[0i64, -1], &Device::Cpu).unwrap();
    assert!(matches!(layer.forward(&x, Mode::Eval), Err(Error::Index { index: -1, position: 1, rows: 5 })));
    let x = Tensor::new(&[0f32], &Device::Cpu).unwrap();
    assert!(matches!(layer.forward(&x, Mode::Eval), Err(Error::DType { actual: DType::F32, .. })));
    let params = || store(DType::F32);
    assert!(matches!(embedding(0, 2, params()), Err(Error::Setting { name: "num_embeddings", .. })));
    assert!(matches!(embedding(2, 0, params()), Err(Error::Setting { name: "embedding_dim", .. })));
    let config = EmbeddingConfig { padding_idx: Some(2), ..EmbeddingConfig::default() };
    assert!(matches!(Embedding::new(2, 2, config, params()), Err(Error::Setting { name: "padding_idx", .. })));
    let empty = Tensor::zeros((2, 0), DType::U32, &Device::Cpu).unwrap();
    assert_eq!(layer.forward(&empty, Mode::Eval).unwrap().dims(), [2, 0, 2]);
}
