//! The programs of `crate/examples`, each run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::{cargo, root, said};

/// The examples, all of them compiled at once, by name.
fn programs() -> &'static BTreeMap<String, PathBuf> {
    static PROGRAMS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let words = ["build", "--package", "candlelight", "--examples", "--message-format", "json-render-diagnostics"];
        let (text, _) = said(&mut cargo(&words));
        let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let program = |message: Value| {
            let path = message["executable"].as_str()?.into();
            Some((message["target"]["name"].as_str()?.to_owned(), path))
        };
        messages.filter_map(program).collect()
    })
}

/// What an example prints.
fn example(name: &str, arguments: &[&str]) -> String {
    let program = programs().get(name).unwrap_or_else(|| panic!("there is no example `{name}`"));
    said(Command::new(program).args(arguments).current_dir(root())).0
}

/// The number at the end of its last line.
fn last_number(said: &str) -> f64 {
    said.trim().rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{said}"))
}

/// Those that have no test of their own, and what they say: they assert the rest themselves.
const SHORT: [(&str, &[&str], &str); 28] = [
    ("activations_and_losses", &[], "absolute error"),
    ("adding_problem", &[], "LSTM"),
    ("backpropagation", &[], "difference quotient"),
    ("batch_and_layer_norm", &["--quick"], "RNN"),
    ("batch_norm_statistics", &[], "statistics of 2000 images"),
    ("convolution", &[], "shifted by two pixels"),
    ("data_parallel", &[], "4 ranks"),
    ("dcgan", &["30"], "DCGAN, 30 rounds"),
    ("define_by_run", &[], "after 200 runs of the plan"),
    ("device", &[], "0 + 1 + 2 + 3 = 6"),
    ("dqn_cartpole", &["--quick"], "interquartile mean"),
    ("dropout", &[], "mean of 30 random nets"),
    ("gan", &[], "modes found"),
    ("initialization", &[], "Glorot"),
    ("l2_regularization", &[], "1e-2"),
    ("large_numbers", &[], "Cauchy"),
    ("layer_norm", &[], "the same row alone"),
    ("likelihood", &[], "0.52"),
    ("newton", &[], "steps of Newton's method"),
    ("optimizers", &[], "momentum 0.9"),
    ("overfitting", &[], "with early stopping"),
    ("parameter_server", &[], "mean staleness"),
    ("plain_or_residual", &["--quick"], "plain − residual"),
    ("q_learning", &[], "SARSA"),
    ("softmax", &[], "cross-entropy of the scores = 1000"),
    ("vanishing_gradients", &[], "residual"),
    ("wasserstein_gan", &[], "the critic's estimate"),
    ("wgan_grid", &["--quick"], "modes covered"),
];

#[test]
fn every_example_runs() {
    for (name, arguments, words) in SHORT {
        let start = std::time::Instant::now();
        let said = example(name, arguments);
        println!("{name}: {:.1} s", start.elapsed().as_secs_f64());
        assert!(said.contains(words), "{name} does not say \"{words}\":\n{said}");
    }
}

/// One that is added to the folder has to be added here.
#[test]
fn no_example_is_without_a_test() {
    let alone =
        ["architecture", "dqn_classic", "fashion_mnist_linear", "lenet_batch_norm", "lenet_to_resnet", "plot_gallery"];
    // It needs the full set, of which it makes the subset; what it makes is compared in the tests of `data`.
    let tool = ["fashion_mnist_subset"];
    let mut tested: Vec<&str> = SHORT.iter().map(|(name, ..)| *name).chain(alone).chain(tool).collect();
    tested.sort_unstable();
    assert_eq!(programs().keys().collect::<Vec<_>>(), tested);
}

/// Where only the embedded subset is at hand, a tenth of the images, both reach less.
#[test]
fn a_linear_classifier_and_lenet_learn_fashion_mnist() {
    for (name, full, subset) in [("fashion_mnist_linear", 0.83, 0.78), ("lenet_batch_norm", 0.88, 0.82)] {
        let said = example(name, &[]);
        let least = if said.contains("60000 training") { full } else { subset };
        assert!(last_number(&said) >= least, "{name}: {said}");
    }
}

/// The example itself asserts that ResNet-20 beats a linear classifier; on all images, that it beats LeNet and a plain net.
#[test]
fn a_resnet_learns_the_subset() {
    let said = example("lenet_to_resnet", &["--quick"]);
    assert!(last_number(&said) >= 0.8, "{said}");
}

/// The example itself asserts that both of two short runs get Acrobot far above random actions; in full, that most of
/// ten seeds come to -85 there and to -110 in MountainCar.
#[test]
fn agents_learn_acrobot() {
    let said = example("dqn_classic", &["--quick"]);
    assert!(last_number(&said) >= -200.0, "{said}");
}

#[test]
fn the_picture_of_the_architecture_is_the_one_that_its_example_draws() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("architecture.svg");
    example("architecture", &[file.to_str().expect("a path in UTF-8")]);
    let drawn = std::fs::read_to_string(file).expect("the picture");
    let kept =
        std::fs::read_to_string(root().join("docs/images/architecture.svg")).expect("the picture of the documentation");
    assert!(drawn == kept, "cargo run -p candlelight --example architecture -- docs/images/architecture.svg");
}

#[test]
fn the_gallery_is_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    example("plot_gallery", &[folder.path().to_str().expect("a path in UTF-8")]);
    let files = std::fs::read_dir(folder.path()).expect("the folder").count();
    assert!(files >= 29, "{files} files");
}
