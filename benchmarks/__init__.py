"""Speed and memory, each figure from a fresh process; `python -m benchmarks` runs them all."""
