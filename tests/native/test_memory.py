"""The interpreter lives on when its objects come to lie in huge pages, also with what it gives back."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("kcompile.native.memory", reason="the extensions are not built")

PROGRAM = """
from kcompile.native.memory import prefer_huge_pages
before = [bytes(300) for _ in range(50_000)]
prefer_huge_pages()
prefer_huge_pages()
after = [[bytes([n % 256]) * 100 for n in range(200_000)] for _ in range(3)]
del before, after[1]
after.append([str(n) for n in range(300_000)])
assert after[0][255] == b"\\xff" * 100 and after[2][299_999] == "299999"
print(sum(int(line.split()[1]) for line in open("/proc/self/smaps") if line.startswith("AnonHugePages")))
"""


def _mode() -> str:
    try:
        with open("/sys/kernel/mm/transparent_hugepage/enabled") as file:
            return file.read().partition("[")[2].partition("]")[0]
    except OSError:
        return ""


def test_objects_live_in_huge_pages_where_the_kernel_has_them() -> None:
    environment = {**os.environ, "PYTHONMALLOC": "pymalloc"}
    command = [sys.executable, "-c", PROGRAM]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=True)
    kilobytes = int(run.stdout)
    if _mode() in ("madvise", "always"):
        assert kilobytes >= 2048
