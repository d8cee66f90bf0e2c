"""Configuration of the JupyterLab that `cargo xtask lab` starts."""

c = get_config()  # noqa: F821
