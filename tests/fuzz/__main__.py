"""`make fuzz`: every target for a while, two at a time. Findings, corpora and what was printed go to build/fuzz.

    python -m tests.fuzz [NAME]... [--seconds N] [--seed N]

A finding is a file; `python -m tests.fuzz.one NAME build/fuzz/NAME build/fuzz/FINDING` runs it again.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.targets import TARGETS

FOLDER = Path(__file__).parents[2] / "build" / "fuzz"
SECONDS = 60
AT_ONCE = 2
SEED = 1
"""From a fresh clone the same inputs at every run: a change is judged by what it changed."""
# One input that takes 10 seconds, or 2 GB, is a finding too.
LIMITS = ("-timeout=10", "-rss_limit_mb=2048", "-max_len=8192", "-print_final_stats=1")


def main() -> int:
    """The exit status is 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TARGETS)}; without one all")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--seed", type=int, default=SEED, help="what is tried; 0 is another at every run")
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("not fuzzed: atheris is not installed (pip install -e '.[fuzz]'; it has no wheel for every Python)")
        return 0
    names = options.names or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return max(pool.map(lambda name: _fuzz(name, options.seconds, options.seed), names))


def _fuzz(name: str, seconds: int, seed: int) -> int:
    log = FOLDER / f"{name}.log"
    command = [sys.executable, "-m", "tests.fuzz.one", name, str(FOLDER / name)]
    command += [*LIMITS, f"-seed={seed}", f"-max_total_time={seconds}", f"-artifact_prefix={FOLDER}/{name}-"]
    with log.open("wb") as output:
        # The order of sets shows in what is covered.
        environment = {**os.environ, "PYTHONHASHSEED": "0"} if seed else None
        status = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=environment).returncode
    text = log.read_text(errors="replace").splitlines()
    runs = next((line.split()[-1] for line in text if "number_of_executed_units" in line), "?")
    found = f"FOUND, see {log}" if status else "nothing found"
    print(f"{name}: {runs} inputs in {seconds} s, {found}", flush=True)
    if status:
        print("\n".join(text[-60:]), flush=True)
    return int(status != 0)


if __name__ == "__main__":
    sys.exit(main())
