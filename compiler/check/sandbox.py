"""Run tools on rules in a fresh network namespace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from kcompile.diagnostics import KcompileError

WORKER = Path(__file__).with_name("worker.py")
TIMEOUT = 900.0
"""Seconds for all steps: nft takes a minute for 10,000 Services."""

DRY_RUN = ("libnftables",)
"""Stands for the Python binding of libnftables in place of a command."""


@dataclass(frozen=True, slots=True)
class Step:
    """A tool that reads `stdin`: a command, or DRY_RUN."""

    argv: tuple[str, ...]
    stdin: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`message` is what the tool said, or, for "missing", which tool is."""

    status: Literal["accepted", "refused", "missing"]
    message: str


class CannotIsolate(KcompileError):
    """There is no way to make a network namespace here; `hint` says what would help."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def run_isolated(steps: Sequence[Step]) -> list[Answer]:
    """Run the steps one after another in one network namespace that ends with them. Raises CannotIsolate."""
    # With real root no user namespace is needed, and without one the kernel lets nft send large transactions.
    namespaces = ["--net"] if os.geteuid() == 0 else ["--net", "--user", "--map-root-user"]
    argv = ["unshare", *namespaces, "--", sys.executable, "-I", str(WORKER)]
    request = json.dumps([asdict(step) for step in steps])
    try:
        done = subprocess.run(argv, input=request, capture_output=True, text=True, timeout=TIMEOUT)
    except FileNotFoundError:
        raise CannotIsolate("there is no `unshare` to make a network namespace", "install util-linux") from None
    except subprocess.TimeoutExpired:
        raise CannotIsolate(f"the tools took more than {TIMEOUT:.0f} seconds", "check a smaller cluster") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        hint = "run it as root, or allow user namespaces: sysctl user.max_user_namespaces"
        raise CannotIsolate(f"no network namespace could be made ({last})", hint)
    return [Answer(**answer) for answer in json.loads(done.stdout)]
