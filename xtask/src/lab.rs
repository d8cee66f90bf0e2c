//! `cargo xtask lab`: the course in JupyterLab.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::error::Result;
use crate::{paths, process, python, run, setup};

/// The notebook that opens.
const FIRST: &str = "notebooks/00-start-here.ipynb";

/// Serves on loopback, with Jupyter's token, until interrupted.
pub fn lab(mut arguments: Arguments) -> Result<ExitCode> {
    let no_browser = arguments.flag("--no-browser");
    let spare = !arguments.flag("--no-spare");
    let port: Option<u16> = arguments.value("--port")?;
    arguments.end()?;
    if let Some(port) = port
        && let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
    {
        return Err(format!(
            "port {port} cannot be used ({error}); give another with --port, or none to let one be found"
        )
        .into());
    }
    setup::setup()?;
    // Jupyter shows figures of trusted notebooks only; these were executed by the course itself.
    process::output(python::module("nbformat.sign").args(run::all_notebooks()?))?;
    let mut server = python::module("jupyterlab");
    server.arg("--ServerApp.ip=127.0.0.1").arg(format!("--ServerApp.root_dir={}", paths::root().display()));
    server.arg(format!("--LabApp.default_url=/lab/tree/{FIRST}"));
    server.env("JUPYTERLAB_WORKSPACES_DIR", paths::lab().join("workspaces"));
    if spare {
        server.arg(format!("--config={}", paths::script("lab_config.py").display()));
        // What the configuration needs to keep a warm kernel ready.
        server.env("PYTHONPATH", paths::root().join("xtask/jupyter"));
        server.env("CANDLELIGHT_LAUNCHER", paths::launcher());
        server.env("CANDLELIGHT_NOTEBOOKS", paths::root().join("notebooks"));
    } else {
        // As in the configuration.
        server.arg("--MappingKernelManager.kernel_info_timeout=300");
    }
    if let Some(port) = port {
        server.arg(format!("--ServerApp.port={port}")).arg("--ServerApp.port_retries=0");
    }
    if no_browser {
        server.arg("--no-browser");
    }
    if process::is_root() {
        server.arg("--allow-root");
    }
    println!("JupyterLab starts; stop it with Ctrl-C");
    Err(format!("cannot start JupyterLab: {}", server.exec()).into())
}
