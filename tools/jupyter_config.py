"""What `make lab` tells JupyterLab, so that the explorers' stored pictures show and their handles answer sooner.

jupyter lab --config tools/jupyter_config.py
"""

from pathlib import Path

import nbformat
from jupyter_core.paths import jupyter_data_dir
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class AtOnce(ZMQChannelsWebsocketConnection):
    """A kernel's messages, each sent at once: otherwise a small one waits up to 40 ms for the browser's sign that the last arrived."""

    async def connect(self):
        self.websocket_handler.set_nodelay(True)
        return await super().connect()


c.ServerApp.kernel_websocket_connection_class = AtOnce  # noqa: F821

# JupyterLab hides the stored widgets of a notebook that it does not trust. These came with this file, which it runs anyway.
Path(jupyter_data_dir()).mkdir(parents=True, exist_ok=True)
notary = nbformat.sign.NotebookNotary()
for path in (Path(__file__).parent.parent / "notebooks").glob("*.ipynb"):
    notary.sign(nbformat.read(path, as_version=4))
notary.store.close()
