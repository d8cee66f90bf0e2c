//! Parts of a set, and batches: each sample once, the same seed the same order, views where nothing is shuffled.

use candlelight::candle_core::{Device, Tensor};
use candlelight::data::{Batches, Dataset, FashionMnist, Source};
use candlelight::rng::seeded;
use candlelight::{Error, Result};

use crate::fashion_mnist::address;

/// Sample i has the input [i, −i] and the target i.
fn counted(n: usize) -> Dataset {
    let inputs: Vec<f32> = (0..n).flat_map(|i| [i as f32, -(i as f32)]).collect();
    let inputs = Tensor::from_vec(inputs, (n, 2), &Device::Cpu).unwrap();
    Dataset::new(&inputs, &Tensor::arange(0, n as u32, &Device::Cpu).unwrap()).unwrap()
}

/// The targets of each batch, after a check that the inputs belong to them.
fn targets(batches: Batches) -> Vec<Vec<u32>> {
    batches
        .map(|batch| {
            let (inputs, targets) = batch.unwrap();
            let targets = targets.to_vec1::<u32>().unwrap();
            let expected: Vec<_> = targets.iter().map(|&i| vec![i as f32, -(i as f32)]).collect();
            assert_eq!(inputs.to_vec2::<f32>().unwrap(), expected);
            targets
        })
        .collect()
}

fn samples(data: &Dataset) -> Vec<u32> {
    targets(data.batches(data.len().max(1)).unwrap()).concat()
}

#[test]
fn batches_in_order_cover_each_sample_once() {
    let data = counted(10);
    assert_eq!(targets(data.batches(4).unwrap()), [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]]);
    assert_eq!(targets(data.batches(4).unwrap().drop_last(true)), [[0, 1, 2, 3], [4, 5, 6, 7]]);
    assert_eq!(targets(data.batches(5).unwrap().drop_last(true)).len(), 2);
    assert_eq!(targets(data.batches(100).unwrap()).concat(), (0..10).collect::<Vec<_>>());
    assert_eq!(data.batches(100).unwrap().drop_last(true).count(), 0);
    assert_eq!(data.batches(4).unwrap().drop_last(true).drop_last(false).count(), 3);
    assert_eq!(counted(0).batches(3).unwrap().count(), 0);
}

#[test]
fn shuffled_batches_cover_each_sample_once() {
    let data = counted(1000);
    let batches = targets(data.shuffled_batches(64, &mut seeded(3)).unwrap());
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [[64; 15].as_slice(), &[40]].concat());
    let mut all = batches.concat();
    assert_ne!(all, (0..1000).collect::<Vec<_>>());
    all.sort_unstable();
    assert_eq!(all, (0..1000).collect::<Vec<_>>());

    let mut kept = targets(data.shuffled_batches(64, &mut seeded(3)).unwrap().drop_last(true));
    assert_eq!(kept, batches[..15]);
    kept.iter_mut().for_each(|batch| batch.sort_unstable());
    assert!(kept.iter().all(|batch| batch.windows(2).all(|pair| pair[0] < pair[1])));
}

#[test]
fn the_seed_decides_the_order() {
    let data = counted(500);
    let order = |seed| targets(data.shuffled_batches(32, &mut seeded(seed)).unwrap());
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
    // One generator gives another order in each epoch.
    let rng = &mut seeded(1);
    let first = targets(data.shuffled_batches(32, rng).unwrap());
    assert_eq!(first, order(1));
    assert_ne!(targets(data.shuffled_batches(32, rng).unwrap()), first);
}

#[test]
fn the_number_of_batches_is_known() {
    for n in [0, 1, 63, 64, 65, 128] {
        for drop_last in [false, true] {
            let mut batches = counted(n).batches(64).unwrap().drop_last(drop_last);
            for left in (0..batches.clone().count()).rev() {
                assert_eq!(batches.len(), left + 1);
                batches.next().unwrap().unwrap();
            }
            assert_eq!(batches.len(), 0);
            assert!(batches.next().is_none());
        }
    }
}

#[test]
fn rows_in_order_are_views_and_shuffled_rows_are_not() {
    let data = counted(100);
    let start = address(data.inputs());
    let row = 2 * size_of::<f32>();
    for (i, batch) in data.batches(30).unwrap().enumerate() {
        assert_eq!(address(&batch.unwrap().0), start + 30 * i * row);
    }
    let (first, second) = data.split_at(40).unwrap();
    assert_eq!((address(first.inputs()), address(second.inputs())), (start, start + 40 * row));
    assert_eq!(address(data.take(7).unwrap().inputs()), start);
    assert_eq!(address(data.with_input_dims(&[1, 2]).unwrap().inputs()), start);

    let memory = start..start + 100 * row;
    for batch in data.shuffled_batches(30, &mut seeded(0)).unwrap() {
        assert!(!memory.contains(&address(&batch.unwrap().0)));
    }
}

#[test]
fn parts_of_parts_keep_inputs_and_targets_together() {
    let data = counted(50);
    let (first, second) = data.split_at(20).unwrap();
    assert_eq!(samples(&first), (0..20).collect::<Vec<_>>());
    assert_eq!(samples(&second), (20..50).collect::<Vec<_>>());
    assert_eq!(samples(&second.take(3).unwrap()), [20, 21, 22]);
    assert_eq!(samples(&second.subset(&[29, 0, 0]).unwrap()), [49, 20, 20]);
    let mut shuffled = targets(second.shuffled_batches(7, &mut seeded(0)).unwrap()).concat();
    shuffled.sort_unstable();
    assert_eq!(shuffled, (20..50).collect::<Vec<_>>());
}

#[test]
fn a_random_split_has_each_sample_on_one_side() {
    let data = counted(101);
    let (train, validation) = data.split(0.8, &mut seeded(5)).unwrap();
    assert_eq!((train.len(), validation.len()), (81, 20));
    let mut all = [samples(&train), samples(&validation)].concat();
    assert_ne!(all[..81], (0..81).collect::<Vec<_>>());
    all.sort_unstable();
    assert_eq!(all, (0..101).collect::<Vec<_>>());
    assert_eq!(samples(&data.split(0.8, &mut seeded(5)).unwrap().0), samples(&train));
    assert!(data.split(0.0, &mut seeded(5)).unwrap().0.is_empty());
    assert!(data.split(1.0, &mut seeded(5)).unwrap().1.is_empty());
}

#[test]
fn classes_are_picked_and_counted_anew() {
    let inputs = Tensor::arange(0f32, 5.0, &Device::Cpu).unwrap();
    let data = Dataset::new(&inputs, &Tensor::new(&[3u32, 0, 7, 3, 0], &Device::Cpu).unwrap()).unwrap();
    let picked = data.of_classes(&[7, 3]).unwrap();
    assert_eq!(picked.inputs().to_vec1::<f32>().unwrap(), [0.0, 2.0, 3.0]);
    assert_eq!(picked.targets().to_vec1::<u32>().unwrap(), [1, 0, 1]);
    assert!(data.of_classes(&[]).unwrap().is_empty());
    let fails = |classes: &[u32]| data.of_classes(classes).unwrap_err().to_string();
    assert_eq!(fails(&[3, 0, 3]), "classes must be different from each other, got 3 twice");
    assert_eq!(fails(&[3, 5]), "classes must be those of some samples, got 5, which has none");
    assert!(Dataset::new(&inputs, &inputs).unwrap().of_classes(&[0]).is_err());
}

#[test]
fn a_balanced_draw_takes_each_class_equally_and_no_sample_twice() {
    // Classes 3 and 7 only, unequal in number: 3 for every third sample.
    let labels: Vec<u32> = (0..90).map(|i| if i % 3 == 0 { 3 } else { 7 }).collect();
    let inputs = Tensor::arange(0f32, 90.0, &Device::Cpu).unwrap();
    let data = Dataset::new(&inputs, &Tensor::new(labels.as_slice(), &Device::Cpu).unwrap()).unwrap();
    let drawn = data.balanced(30, &mut seeded(0)).unwrap();
    let mut which = drawn.inputs().to_vec1::<f32>().unwrap();
    for (&i, label) in which.iter().zip(drawn.targets().to_vec1::<u32>().unwrap()) {
        assert_eq!(label, labels[i as usize]);
    }
    for pair in drawn.targets().to_vec1::<u32>().unwrap().chunks(2) {
        assert!(pair == [3, 7] || pair == [7, 3]);
    }
    which.sort_by(f32::total_cmp);
    which.dedup();
    assert_eq!(which.len(), 60);

    let error = data.balanced(31, &mut seeded(0)).unwrap_err();
    assert!(matches!(&error, Error::Setting { actual, .. } if actual == "31, where class 3 has 30"), "{error}");
    assert!(Dataset::new(&inputs, &inputs).unwrap().balanced(1, &mut seeded(0)).is_err());
}

#[test]
fn what_does_not_fit_is_refused() {
    fn setting<T>(result: Result<T>, expected: &str) {
        match result {
            Err(Error::Setting { name, .. }) => assert_eq!(name, expected),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("{expected}: expected an error"),
        }
    }
    let data = counted(10);
    setting(data.batches(0), "batch size");
    setting(data.shuffled_batches(0, &mut seeded(0)), "batch size");
    setting(data.take(11), "n");
    setting(data.split_at(11), "n");
    setting(data.split(1.1, &mut seeded(0)), "fraction");
    setting(data.split(f64::NAN, &mut seeded(0)), "fraction");
    setting(data.subset(&[0, 10]), "index");

    let (ten, nine) = (data.inputs(), data.take(9).unwrap());
    let scalar = Tensor::new(0f32, &Device::Cpu).unwrap();
    for (inputs, targets) in [(ten, nine.targets()), (&scalar, data.targets()), (ten, &scalar)] {
        assert!(matches!(Dataset::new(inputs, targets).unwrap_err(), Error::Shape { .. }));
    }
    assert!(matches!(data.with_input_dims(&[3]).unwrap_err(), Error::Shape { .. }));
}

#[test]
fn inputs_that_are_not_contiguous_are_accepted() {
    let columns = counted(10).inputs().t().unwrap();
    let data = Dataset::new(&columns, &Tensor::new(&[0u32, 1], &Device::Cpu).unwrap()).unwrap();
    let swapped = data.subset(&[1, 0]).unwrap();
    assert_eq!(swapped.inputs().to_vec2::<f32>().unwrap()[0][9], -9.0);
}

#[test]
fn a_notebook_can_keep_them_in_variables() {
    fn keep<T: Send + Sync + Clone + std::fmt::Debug + 'static>() {}
    keep::<Dataset>();
    keep::<Batches>();
    keep::<FashionMnist>();
    keep::<Source>();
}
