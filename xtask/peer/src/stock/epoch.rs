//! A pass over the full Fashion-MNIST in batches of 64, in an order drawn anew.

use candlelight::candle_core::{Device, Tensor};
use candlelight::candle_nn as nn;
use candlelight::candle_nn::optim::{Optimizer, SGD};
use candlelight::prelude::Dataset;
use candlelight::rng::{self, Rng};

use super::images::{LeNet, Network};
use super::mlp::Mlp;
use super::{Store, sgd, split};
use crate::Result;
use crate::shared::{self, BATCH};
use crate::task::{Results, Task, Work};

type Model = Box<dyn Fn(&Tensor) -> Result<Tensor>>;

struct Epoch {
    data: Dataset,
    model: Model,
    sgd: SGD,
    rng: Rng,
}

pub fn mlp() -> Result<Task> {
    let store = Store::new();
    let model = Mlp::new(&store.builder())?;
    epoch(&store, &[784], Box::new(move |x| model.forward(x)))
}

pub fn lenet() -> Result<Task> {
    let store = Store::new();
    let model = LeNet::new(&store.builder())?;
    epoch(&store, &[1, 28, 28], Box::new(move |x| model.forward(x, true)))
}

fn epoch(store: &Store, dims: &[usize], model: Model) -> Result<Task> {
    let (vars, named) = split(store.start()?);
    let data = shared::fashion_mnist(dims)?;
    Ok(Task::changing(named, Epoch { data, model, sgd: sgd(vars)?, rng: rng::seeded(0) }))
}

impl Epoch {
    fn train(&mut self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let loss = nn::loss::cross_entropy(&(self.model)(x)?, y)?;
        self.sgd.backward_step(&loss)?;
        Ok(loss)
    }
}

impl Work for Epoch {
    fn step(&mut self) -> Result<Results> {
        let order = rng::permutation(&mut self.rng, self.data.len());
        let mut sum = 0.0;
        for batch in order.chunks(BATCH) {
            let rows = Tensor::new(batch, &Device::Cpu)?;
            let x = self.data.inputs().index_select(&rows, 0)?;
            let y = self.data.targets().index_select(&rows, 0)?;
            sum += self.train(&x, &y)?.to_scalar::<f32>()? * batch.len() as f32;
        }
        Ok(vec![("loss", Tensor::new(sum / order.len() as f32, &Device::Cpu)?)])
    }

    fn check(&mut self, number: usize) -> Result<Results> {
        let (x, y) = shared::batch(&self.data, number)?;
        Ok(vec![("loss", self.train(&x, &y)?)])
    }
}
