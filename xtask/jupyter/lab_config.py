"""Configuration of the JupyterLab that `cargo xtask lab` starts: it keeps one warm kernel ready."""

import os
from importlib.metadata import EntryPoint

import spare_kernel
from jupyter_client.provisioning import KernelProvisionerFactory

c = get_config()  # noqa: F821

NAME = "candlelight-spare"
KernelProvisionerFactory.provisioners[NAME] = EntryPoint(
    NAME, "spare_kernel:SpareProvisioner", KernelProvisionerFactory.GROUP_NAME
)
# Used where a kernel specification names none; it starts kernels of other languages as usual.
c.KernelProvisionerFactory.default_provisioner_name = NAME
# Seconds until the server gives up waiting for a kernel's first answer, on a slow machine too.
c.MappingKernelManager.kernel_info_timeout = 300

spare_kernel.keep(os.environ["CANDLELIGHT_LAUNCHER"], os.environ["CANDLELIGHT_NOTEBOOKS"])
