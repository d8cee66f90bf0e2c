//! The questions, one file a chapter.

mod activations;
mod asynchronous;
mod backpropagation;
mod batch_norm;
mod convolution;
mod deep_q_learning;
mod define_by_run;
mod dropout;
mod gan;
mod initialization;
mod large_numbers;
mod layer_norm;
mod likelihood;
mod newton;
mod optimizers;
mod overfitting;
mod q_learning;
mod recurrent;
mod regularization;
mod resnet;
mod softmax;
mod start;
mod synchronous;
mod vanishing;
mod wasserstein;
mod whole_data_batch_norm;

use super::question::Question;

/// The questions of one chapter.
#[derive(Debug, Clone, Copy)]
pub struct Chapter {
    /// Its file, such as `01-likelihood`.
    pub notebook: &'static str,
    /// Its title.
    pub title: &'static str,
    questions: fn() -> Vec<Question>,
}

const fn chapter(notebook: &'static str, title: &'static str, questions: fn() -> Vec<Question>) -> Chapter {
    Chapter { notebook, title, questions }
}

/// The chapters, in their order.
pub const CHAPTERS: &[Chapter] = &[
    chapter("00-start-here", "Start here", start::questions),
    chapter("01-likelihood", "Likelihood", likelihood::questions),
    chapter("02-law-of-large-numbers", "The law of large numbers", large_numbers::questions),
    chapter("03-softmax-and-cross-entropy", "Softmax and cross-entropy", softmax::questions),
    chapter("03b-backpropagation", "Hidden units and backpropagation", backpropagation::questions),
    chapter("04-activations-and-losses", "Activations and losses", activations::questions),
    chapter("05-define-by-run", "Define-by-run and define-and-run", define_by_run::questions),
    chapter("06-l2-regularization", "L2 regularization, L1 and weight decay", regularization::questions),
    chapter("07-dropout", "Dropout", dropout::questions),
    chapter("08-initialization", "Initialization", initialization::questions),
    chapter("09-batch-normalization", "Batch normalization", batch_norm::questions),
    chapter("09b-whole-data-batch-norm", "Batch norm over the whole data set", whole_data_batch_norm::questions),
    chapter("10-layer-normalization", "Layer normalization", layer_norm::questions),
    chapter("11-optimizers", "Optimizers", optimizers::questions),
    chapter("12-newton", "Newton's method", newton::questions),
    chapter("13-vanishing-gradients", "Vanishing and exploding gradients", vanishing::questions),
    chapter("14-rnn-and-lstm", "Recurrent networks and the LSTM", recurrent::questions),
    chapter("15-overfitting", "Overfitting and its cures", overfitting::questions),
    chapter("16-synchronous-sgd", "Synchronous SGD", synchronous::questions),
    chapter("17-asynchronous-sgd", "Asynchronous SGD", asynchronous::questions),
    chapter("18-convolution", "Convolution", convolution::questions),
    chapter("19-resnet", "Residual networks", resnet::questions),
    chapter("20-gan", "Generative adversarial networks", gan::questions),
    chapter("21-wasserstein-gan", "The Wasserstein GAN", wasserstein::questions),
    chapter("22-q-learning", "Q-learning, with a table", q_learning::questions),
    chapter("23-deep-q-learning", "Deep Q-learning", deep_q_learning::questions),
];

impl Chapter {
    /// Its questions.
    pub fn questions(&self) -> Vec<Question> {
        let mut questions = (self.questions)();
        for question in &mut questions {
            (question.notebook, question.chapter) = (self.notebook, self.title);
        }
        questions
    }
}

/// All questions, chapter by chapter.
pub fn questions() -> Vec<Question> {
    CHAPTERS.iter().flat_map(Chapter::questions).collect()
}

/// The two texts of a program: `snippet!("TOPIC/NAME")` reads `bank/TOPIC/NAME.rs` and `bank/TOPIC/NAME_mended.rs`, which are
/// modules of `bank/TOPIC.rs` as well, so that they are compiled and can be run.
macro_rules! snippet {
    ($path:literal) => {
        $crate::check::exam::Snippet::new(
            include_str!(concat!($path, ".rs")),
            include_str!(concat!($path, "_mended.rs")),
        )
    };
}
use snippet;
