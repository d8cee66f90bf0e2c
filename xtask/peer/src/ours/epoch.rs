//! A pass over the full Fashion-MNIST in batches of 64, in an order drawn anew, by [`fit`].

use candlelight::autograd::value_and_grad;
use candlelight::prelude::*;

use super::{images, mlp, sgd, start};
use crate::shared::{self, BATCH};
use crate::task::{Results, Task, Work};

struct Epoch {
    data: Dataset,
    model: Box<dyn Module>,
    sgd: Sgd,
    config: FitConfig,
    rng: Rng,
}

pub fn mlp() -> crate::Result<Task> {
    let params = Params::new(0, &Device::Cpu)?;
    epoch(&params, &[784], mlp::model(&params)?)
}

pub fn lenet() -> crate::Result<Task> {
    let params = Params::new(0, &Device::Cpu)?;
    epoch(&params, &[1, 28, 28], images::lenet(&params)?)
}

fn epoch(params: &Params, dims: &[usize], model: impl Module + 'static) -> crate::Result<Task> {
    let work = Epoch {
        data: shared::fashion_mnist(dims)?,
        model: Box::new(model),
        sgd: sgd(params.trainable())?,
        config: FitConfig { epochs: 1, batch_size: BATCH, progress: Progress::Silent, ..FitConfig::default() },
        rng: seeded(0),
    };
    Ok(Task::changing(start(params)?, work))
}

impl Work for Epoch {
    fn step(&mut self) -> crate::Result<Results> {
        let Self { data, model, sgd, config, rng } = self;
        let history = fit(model.as_ref(), sgd, cross_entropy, data, None, config, rng)?;
        Ok(vec![("loss", Tensor::new(history.train_loss(), &Device::Cpu)?)])
    }

    fn check(&mut self, number: usize) -> crate::Result<Results> {
        let (x, y) = shared::batch(&self.data, number)?;
        let (loss, gradients) = value_and_grad(|| cross_entropy(&self.model.forward(&x, Mode::Train)?, &y))?;
        self.sgd.step(&gradients)?;
        Ok(vec![("loss", loss)])
    }
}
