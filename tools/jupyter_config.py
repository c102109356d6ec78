"""What `make lab` tells JupyterLab: explorers move before any cell has run, and to open a notebook is not to change it.

jupyter lab --config tools/jupyter_config.py
"""

from pathlib import Path

import nbformat
from ipykernel.ipkernel import IPythonKernel
from jupyter_core.paths import jupyter_data_dir
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

# JupyterLab hides the stored widgets of a notebook that it does not trust. These came with this file, which it runs anyway.
Path(jupyter_data_dir()).mkdir(parents=True, exist_ok=True)
notary = nbformat.sign.NotebookNotary()
for path in (Path(__file__).parent.parent / "notebooks").glob("*.ipynb"):
    notary.sign(nbformat.read(path, as_version=4))
notary.store.close()


class AsItIs(AsyncLargeFileManager):
    """Files as they are, but that a notebook names the Python it is opened with.

    JupyterLab writes that name into every notebook that it opens, and where another stood it asks at the end whether to save.
    """

    async def get(self, path, *arguments, **named):
        model = await super().get(path, *arguments, **named)
        if model["type"] == "notebook" and model["content"] is not None:
            model["content"]["metadata"]["language_info"] = dict(IPythonKernel.language_info)
        return model


get_config().ServerApp.contents_manager_class = AsItIs  # noqa: F821  (Jupyter knows it)
