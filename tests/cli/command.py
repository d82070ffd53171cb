"""Run `kcompile` as a user does, in a process of its own, and say what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Done:
    """How a run ended. `seconds` is processor time, which other work on the machine does not stretch, `megabytes` the
    peak of its resident memory."""

    status: int
    stdout: str
    stderr: str
    seconds: float
    megabytes: float


def kcompile(*arguments: str | Path, cwd: Path | None = None, stdin: bytes = b"", **environment: str) -> Done:
    """`kcompile ARGUMENTS`; stopped after a minute."""
    command = [sys.executable, "-m", "kcompile.cli.main", *map(str, arguments)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdin=given, stdout=out, stderr=err, cwd=cwd, env={**os.environ, **environment}
        )
        deadline = started + 60
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(0.002)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = usage.ru_utime + usage.ru_stime
        out.seek(0)
        err.seek(0)
        return Done(
            process.returncode,
            out.read().decode(errors="replace"),
            err.read().decode(errors="replace"),
            seconds,
            usage.ru_maxrss / 1024,
        )
