//! `cargo xtask COMMAND`: everything around the crate and the notebooks, one command each.

use std::path::Path;
use std::process::ExitCode;

mod analyzer;
mod arguments;
mod arm;
mod bench;
mod browser;
mod cargo;
mod cell;
mod clone;
mod colab;
mod compare;
mod cuda;
mod data;
mod deny;
mod done;
mod error;
mod evcxr;
mod kernel;
mod lab;
mod margins;
mod mpi;
mod notebook;
mod pack;
mod paths;
mod process;
mod python;
mod questions;
mod release;
mod replay;
mod resolved;
mod run;
mod setup;
mod site;
mod test;
mod twins;
mod ways;

use arguments::Arguments;

const USAGE: &str = "\
cargo xtask COMMAND

  setup                 prepare Python, the Rust kernel and its build directory; every other command calls it
      --kernel-only     leave out Python's JupyterLab
      --cuda            a compiler for NVIDIA's cards as well (1.2 GB), and the crate with its feature `cuda`, in target/cuda
  lab                   open the course in JupyterLab
      --no-browser      print the address instead of opening a browser
      --no-spare        keep no kernel started for the next notebook, which takes some 650 MB
      --port N          serve on this port [default: the first free one from 8888]
  run [NOTEBOOK...]     execute notebooks on the real kernel, from top to bottom [default: all]
      --check           compare with the committed outputs (the default)
      --update          write the new outputs into the notebooks
      --jobs N          run N notebooks at a time [default: 1]
      --json FILE       also write the report as JSON
      --margins         list how far each comparison of an assertion was from failing, loosest first
  twins [NOTEBOOK...]   bring notebooks and their text twins into step, by the newer of the two [default: all]
      --check           only say where they are not
  colab [NOTEBOOK...]   write the course for Google Colab, as Python notebooks with `%%rust` cells, into target/colab [default: all]
      --out FOLDER      write there instead
      --repository URL  where Colab clones the course from [default: that in xtask/site/site.toml]
  release [--out FOLDER] pack the compiled kernel, with its checksum, into target/kernels; CANDLELIGHT_KERNEL=PLACE, an archive or a
                        folder or address of such, lets set-up take one where it fits
  site                  the course as a static site and as one PDF, with the crate's documentation, in target/site/html
      --check           look for broken links, and at the pages in Chromium
  mpi EXAMPLE           build an example of crate/mpi and start it on several ranks, with an MPI that it brings
      -n N              so many ranks [default: 2]
      --survive         let the others go on where a rank is killed (Open MPI with ULFM)
      --restarts K      start again after a rank has failed, at most K times [default: 0]
      -- WORDS          for the example
  test [--quick]        format, lints, docs, Rust suites, notebooks, text twins, browser, site; --quick leaves out the last four;
                        fetches Chromium and Fashion-MNIST where they are missing
  deny                  licences, sources and, where they can be fetched, advisories of all dependencies
      --advisories      fail where advisories cannot be fetched
  cuda check            compile the crate with its feature `cuda`, by a compiler that it brings (1.2 GB), start it without a card, and run
                        the suites that name a device on the card, or on one in software
  cuda test -- WORDS    `cargo test` with WORDS of the suites, on the same
      --cudnn           with the feature `cudnn`
  arm [SUITE...]        run the kernels' unit tests, and suites of tests/, for 64-bit ARM with NEON, under QEMU
  bench [--out FILE]    measure the latencies of a notebook
  bench --peer torch    measure candlelight, stock Candle and PyTorch in turn, after a check that they compute the same
      --out FILE        write the rows as JSON, and the table as Markdown beside it
      --only A,B        only these workloads
      --ranks N         train on so many processes: DataParallel over MPI, DistributedDataParallel over gloo
      --rounds N        times each of them is measured [default: 9]
      --wait MINUTES    wait so long, for each workload, for moments when other processes are quiet [default: 0]
      --threads N       threads of each program [default: one a core]
      --scaling         with one thread as well, and what more of them bring
      --instructions S  hold candlelight and PyTorch to base, avx2 or avx512
      --no-stock        leave out stock Candle
      --device cuda     candlelight and PyTorch on the first card of NVIDIA; without --ranks, --scaling, --instructions, --no-stock
      --cudnn           with it: convolutions by cuDNN
      --program FILE, --python FILE  with it: a candlelight-peer built before, a Python with PyTorch";

fn main() -> ExitCode {
    // Jupyter starts the kernel, and the kernel its cargo, through copies of this program under other names.
    let program = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_name().unwrap_or_default().to_string_lossy();
    let result = match &*name {
        paths::LAUNCHER => kernel::launch(),
        "cargo" => cargo::cargo(),
        replay::RECORDER => replay::recorder(),
        "rustup" => cargo::rustup(),
        _ => command(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> error::Result<ExitCode> {
    let mut arguments = Arguments::new(std::env::args().skip(1));
    match arguments.next_word().as_deref() {
        Some("setup") => setup::command(arguments),
        Some("lab") => lab::lab(arguments),
        Some("run") => run::run(arguments),
        Some("twins") => twins::twins(arguments),
        Some("test") => test::test(arguments),
        Some("colab") => colab::colab(arguments),
        Some("release") => pack::release(arguments),
        Some("site") => site::site(arguments),
        Some("mpi") => mpi::mpi(arguments),
        Some("deny") => {
            let advisories = arguments.flag("--advisories");
            arguments.end().and_then(|()| deny::deny(advisories).map(|()| ExitCode::SUCCESS))
        }
        Some("cuda") => cuda::cuda(arguments),
        Some("arm") => arm::arm(arguments),
        Some("bench") => bench::bench(arguments),
        Some("help" | "--help" | "-h") | None => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        Some(other) => Err(format!("there is no command `{other}`\n\n{USAGE}").into()),
    }
}
