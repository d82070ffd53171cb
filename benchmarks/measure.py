"""One run of one case, in a process of its own: `python -m benchmarks.measure GROUP FIGURE CASE SERVICES` prints it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.figure import Work, case_of

LONGEST = 900
"""Seconds that a run may take."""


class Measured(NamedTuple):
    """Seconds, and bytes at the peak. The medians of several runs are one too."""

    input: str
    amount: int
    unit: str
    cpu: float
    wall: float
    peak: int

    @property
    def rate(self) -> float:
        """What is done in a second of processor time."""
        return self.amount / self.cpu if self.cpu else 0.0


class Failed(Exception):
    """The process of a run ended with an error, which is the text."""


def in_fresh_process(group: str, figure: str, case: str, services: int) -> Measured:
    command = [sys.executable, "-m", "benchmarks.measure", group, figure, case, str(services)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
    if run.returncode:
        raise Failed(run.stderr.strip()[-2000:])
    return Measured(**json.loads(run.stdout.splitlines()[-1]))


def median(runs: Sequence[Measured]) -> Measured:
    middle = statistics.median
    cpu, wall, peak = middle(r.cpu for r in runs), middle(r.wall for r in runs), middle(r.peak for r in runs)
    return runs[0]._replace(cpu=cpu, wall=wall, peak=int(peak))


def measured(work: Work) -> Measured:
    try:
        cpu, wall, peak = _called(work) if callable(work.run) else _commanded(work.run)
    finally:
        work.clean()
    return Measured(work.input, work.amount, work.unit, cpu, wall, peak)


def _called(work: Work) -> tuple[float, float, int]:
    assert callable(work.run)
    wall, cpu = time.perf_counter(), time.process_time()
    kept = work.run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    del kept
    return cpu, wall, _peak_of_this_process()


def _commanded(command: tuple[str, ...]) -> tuple[float, float, int]:
    with tempfile.TemporaryFile() as output:
        wall = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE)
        assert process.stderr is not None
        errors = process.stderr.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - wall
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"{' '.join(command)} ended with status {process.returncode}: {errors[-1000:]}")
    return used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024


def _peak_of_this_process() -> int:
    """getrusage would count what the parent had in memory when it started us."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def main() -> None:
    group, figure, case, services = sys.argv[1:]
    print(json.dumps(measured(case_of(group, figure, case).prepare(int(services)))._asdict()))


if __name__ == "__main__":
    main()
