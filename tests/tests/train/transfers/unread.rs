//! Indices, labels and images that stay on their device: in the layers, in evaluation and in augmentation.

use candlelight::autograd::value_and_grad;
use candlelight::device::Transfers;
use candlelight::kernels::composed;
use candlelight::loss::{cross_entropy_soft, mse};
use candlelight::nn::{Embedding, EmbeddingConfig, Flatten, Mode, Module, embedding};
use candlelight::optim::{Sgd, SgdConfig};
use candlelight::prelude::*;
use candlelight::train::augmentation::{
    Augmentation, Compose, Cutout, HorizontalFlip, Mixup, RandomRotation, RandomShift,
};
use candlelight::train::{FitConfig, evaluate, fit};
use candlelight_tests::{assert_close, flat, number, store};

use super::{CPU, NOTHING, classes, counted, random};

/// An embedding, and a linear layer on the mean of its words.
struct Words(Embedding, Linear);

impl Module for Words {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.1.forward(&self.0.forward(x, mode)?.mean(1)?, mode)
    }
}

fn words(padding_idx: Option<usize>, params: &Params) -> Words {
    let config = EmbeddingConfig { padding_idx, ..EmbeddingConfig::default() };
    let table = Embedding::new(5, 4, config, params.pp("words")).unwrap();
    Words(table, linear(4, 3, params.pp("fc")).unwrap())
}

#[test]
fn an_embedding_leaves_its_indices_unread() {
    let numbers = [[0i64, 4, 4], [2, 1, 0]];
    for dtype in [DType::U8, DType::U32, DType::I64] {
        let x = Tensor::new(&numbers, &CPU).unwrap().to_dtype(dtype).unwrap();
        for padding in [None, Some(2)] {
            let params = store(DType::F32);
            let net = words(padding, &params);
            let y = classes(2);
            let run = || value_and_grad(|| cross_entropy(&net.forward(&x, Mode::Train)?, &y)).unwrap();
            let (loss, gradients) = run();
            let ((unread, slopes), made) = counted(run);
            assert_eq!(made, NOTHING);
            assert_close("loss", &unread, &loss, 1e-6, 1e-7);
            let of = |all: &candlelight::candle_core::backprop::GradStore| all.get(net.0.weight()).unwrap().clone();
            assert_close("gradient", &of(&slopes), &of(&gradients), 1e-5, 1e-7);
            // Of equal bits: the lookup itself computes nothing.
            let lookup = || flat(&net.0.forward(&x, Mode::Eval).unwrap());
            assert_eq!(composed(lookup), lookup());
        }
    }
}

/// Indices of each dtype, of which one is no row of five.
fn wrong_indices() -> [(Tensor, i64); 4] {
    [
        (Tensor::new(&[[0u8, 1], [5, 2]], &CPU).unwrap(), 5),
        (Tensor::new(&[[0u32, 1], [u32::MAX, 2]], &CPU).unwrap(), i64::from(u32::MAX)),
        (Tensor::new(&[[0i64, 1], [-1, 2]], &CPU).unwrap(), -1),
        // As U32 it would be the row 1.
        (Tensor::new(&[[0i64, 1], [(1 << 32) + 1, 2]], &CPU).unwrap(), (1 << 32) + 1),
    ]
}

#[test]
fn an_index_that_is_no_row_gives_nan_and_is_named_by_fit() {
    for (x, index) in wrong_indices() {
        let layer = embedding(5, 2, store(DType::F32)).unwrap();
        let wrong = |error: Error| matches!(error, Error::Index { index: i, position: 2, rows: 5 } if i == index);
        // On the CPU it is refused at once.
        assert!(wrong(layer.forward(&x, Mode::Eval).unwrap_err()), "{index}");
        let (y, made) = counted(|| layer.forward(&x, Mode::Train).unwrap());
        assert_eq!(made, NOTHING);
        let values = flat(&y);
        assert!(values[4..6].iter().all(|value| value.is_nan()), "{values:?}");
        let rows: Vec<Vec<f64>> = flat(layer.weight()).chunks(2).map(<[f64]>::to_vec).collect();
        assert_eq!([&values[..2], &values[2..4], &values[6..]], [&rows[0], &rows[1], &rows[2]]);
        // What is sent to such a row goes nowhere, even if it is NaN.
        let slopes = (&y
            * &Tensor::new(&[[[1f32], [2.]], [[f32::NAN], [3.]]], &CPU).unwrap().broadcast_as((2, 2, 2)).unwrap())
            .unwrap();
        let gradient = flat(slopes.sum_all().unwrap().backward().unwrap().get(layer.weight()).unwrap());
        assert_eq!(gradient, [1., 1., 2., 2., 3., 3., 0., 0., 0., 0.]);

        let params = store(DType::F32);
        let net = words(None, &params);
        let before = flat(net.0.weight());
        let mut sgd = Sgd::new(params.trainable(), SgdConfig::default()).unwrap();
        let data = Dataset::new(&x, &classes(2)).unwrap();
        let config = FitConfig { batch_size: 2, ..FitConfig::default() }.silent();
        let failed = composed(|| fit(&net, &mut sgd, cross_entropy, &data, None, &config, &mut seeded(0))).unwrap_err();
        assert!(matches!(failed, Error::Index { index: i, rows: 5, .. } if i == index), "{failed}");
        assert_eq!(flat(net.0.weight()), before);
        let failed = composed(|| evaluate(&net, cross_entropy, &data, 2)).unwrap_err();
        assert!(wrong(failed), "{index}");
    }
}

/// The changes of images that move numbers, and the one that computes some.
fn changes() -> [(&'static str, Box<dyn Augmentation>); 4] {
    [
        ("flip", Box::new(HorizontalFlip::new(0.5).unwrap())),
        ("shift", Box::new(RandomShift::new(2))),
        ("cutout", Box::new(Cutout::new(3).unwrap())),
        ("rotation", Box::new(RandomRotation::new(40.0).unwrap())),
    ]
}

#[test]
fn images_are_changed_where_they_are() {
    for dtype in [DType::F32, DType::F64] {
        let (x, y) = (random(&[6, 2, 5, 7]).to_dtype(dtype).unwrap(), classes(6));
        for (name, change) in changes() {
            let run = || change.apply(&x, &y, &mut seeded(3)).unwrap().0;
            let (there, made) = counted(run);
            assert_eq!(made, Transfers { uploads: 1, downloads: 0 }, "{name}");
            assert_eq!(flat(&there), flat(&run()), "{name}");
            assert_ne!(flat(&there), flat(&x), "{name}");
        }
        // A view is not as it lies in memory.
        let view = x.transpose(2, 3).unwrap();
        let run = || Cutout::new(2).unwrap().apply(&view, &y, &mut seeded(3)).unwrap().0;
        assert_eq!(flat(&composed(run)), flat(&run()));
        let mixup = Mixup::new(1.0, 3).unwrap();
        let run = || mixup.apply(&x, &y, &mut seeded(3)).unwrap();
        let ((inputs, targets), made) = counted(run);
        assert_eq!(made, Transfers { uploads: 1, downloads: 0 });
        assert_eq!((flat(&inputs), flat(&targets)), (flat(&run().0), flat(&run().1)));
    }
}

#[test]
fn fit_sends_what_a_batch_draws() {
    let params = store(DType::F32);
    let net = Sequential::new().push(Flatten).push(linear(32, 3, params.pp("fc")).unwrap());
    let data = Dataset::new(&random(&[4, 2, 4, 4]), &classes(4)).unwrap();
    let mut sgd = Sgd::new(params.trainable(), SgdConfig::default()).unwrap().composed().unwrap();
    let all = changes().into_iter().fold(Compose::new(), |all, (_, change)| all.push(Boxed(change)));
    let config = FitConfig { epochs: 1, batch_size: 2, ..FitConfig::default() }
        .silent()
        .with_augmentation(all.push(Mixup::new(1.0, 3).unwrap()));
    let (history, made) =
        counted(|| fit(&net, &mut sgd, cross_entropy_soft, &data, None, &config, &mut seeded(0)).unwrap());
    assert!(history.train_loss()[0].is_finite());
    // Two steps of five changes.
    assert_eq!(made, Transfers { uploads: 2 * 5, downloads: 2 });
}

struct Boxed(Box<dyn Augmentation>);

impl Augmentation for Boxed {
    fn apply(&self, x: &Tensor, y: &Tensor, rng: &mut candlelight::rng::Rng) -> Result<(Tensor, Tensor)> {
        self.0.apply(x, y, rng)
    }
}

#[test]
fn a_label_that_mixup_cannot_mix_is_named_by_fit() {
    let params = store(DType::F32);
    let net = linear(2, 3, params.pp("fc")).unwrap();
    for (labels, label) in
        [(Tensor::new(&[0u32, 3, 1], &CPU).unwrap(), 3), (Tensor::new(&[0i64, -1, 1], &CPU).unwrap(), -1)]
    {
        let data = Dataset::new(&random(&[3, 2]), &labels).unwrap();
        let config = FitConfig::default().silent().with_augmentation(Mixup::new(1.0, 3).unwrap());
        let mut sgd = Sgd::new(params.trainable(), SgdConfig::default()).unwrap();
        let mut run = || fit(&net, &mut sgd, cross_entropy_soft, &data, None, &config, &mut seeded(0)).unwrap_err();
        for failed in [run(), composed(&mut run)] {
            assert!(matches!(failed, Error::Label { label: named, classes: 3, .. } if named == label), "{failed}");
        }
    }
    // A loss that is NaN for another reason is not put down to labels or indices.
    let data = Dataset::new(&(random(&[3, 2]) * f64::NAN).unwrap(), &random(&[3, 3])).unwrap();
    let mut sgd = Sgd::new(params.trainable(), SgdConfig::default()).unwrap();
    let config = FitConfig::default().silent();
    let failed = composed(|| fit(&net, &mut sgd, mse, &data, None, &config, &mut seeded(0))).unwrap_err();
    assert!(matches!(failed, Error::NotFinite { .. }), "{failed}");
    assert!(number(params.trainable()[0].var.sum_all().unwrap().as_ref()).is_finite());
}

/// Ties, a NaN and labels of each dtype: how many are right is counted on the device, and read with the loss.
#[test]
fn evaluation_reads_once_a_batch() {
    let scores = Tensor::new(
        &[[1f32, 3., 3.], [3., 3., 1.], [0., f32::NAN, 9.], [2., 2., 2.], [f32::NEG_INFINITY, -0.0, 0.0], [5., 4., 6.]],
        &CPU,
    )
    .unwrap();
    let given = candlelight::nn::from_fn(|x, _| Ok(x.clone()));
    // Of a loss that is a number also where a score is none.
    let loss = |_: &Tensor, y: &Tensor| Ok((y.to_dtype(DType::F32)? * 0.25)?.mean_all()?);
    for labels in [[1i64, 0, 2, 0, 1, 2], [2, 1, 0, 1, 2, 0], [0, 0, 1, 2, 0, 2]] {
        for dtype in [DType::U8, DType::U32, DType::I64] {
            let y = Tensor::new(&labels, &CPU).unwrap().to_dtype(dtype).unwrap();
            let data = Dataset::new(&scores, &y).unwrap();
            let run = || evaluate(&given, loss, &data, 4).unwrap();
            counted(run);
            let (there, made) = counted(run);
            assert_eq!(made, Transfers { uploads: 0, downloads: 2 });
            assert_eq!(there, run(), "{labels:?}");
        }
    }
    // All labels of a sample, and one that is no class, though the loss is a number.
    let y = Tensor::new(&[[1u32, 0], [2, 3]], &CPU).unwrap();
    let x = random(&[2, 2, 4]);
    let run = |y: &Tensor| evaluate(&given, loss, &Dataset::new(&x, y).unwrap(), 2);
    assert_eq!(composed(|| run(&y).unwrap()), run(&y).unwrap());
    let y = (y + 1.0).unwrap();
    for failed in [run(&y).unwrap_err(), composed(|| run(&y).unwrap_err())] {
        assert!(matches!(failed, Error::Label { label: 4, position: 3, classes: 4 }), "{failed}");
    }
    // Labels of another shape are refused as they were.
    let y = Tensor::zeros((2, 3), DType::U32, &CPU).unwrap();
    assert_eq!(composed(|| run(&y).unwrap_err()).to_string(), run(&y).unwrap_err().to_string());
}
