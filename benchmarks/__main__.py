"""`make bench`: every benchmark, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = ("dns",)


def main() -> int:
    """Run them one after the other; the exit status is that of the worst."""
    return max(subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode for name in BENCHMARKS)


if __name__ == "__main__":
    sys.exit(main())
