"""One Service, from the start of the process to its end, against the start of Python with the two parsers' packages.

Installed as a user installs it (pip install .): an editable install takes longer to find its modules.
"""

from __future__ import annotations

import sys

from benchmarks.figure import KCOMPILE, Case, Figure, Work
from benchmarks.reference_cluster import CACHE

SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - port: 80
"""


def _one_service(_: int) -> Work:
    folder = CACHE / "one-service"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "web.yaml").write_text(SERVICE)
    return _start(KCOMPILE, str(folder))


def _imports(_: int) -> Work:
    return _start(sys.executable, "-c", "import lark, yaml")


def _start(*command: str) -> Work:
    return Work(command, "one Service", 1, "starts")


FIGURES = (
    Figure(
        "one_service",
        "a folder with one file with one Service",
        (Case("kcompile", _one_service), Case("python -c 'import lark, yaml'", _imports)),
    ),
)
