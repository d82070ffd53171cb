"""How many instructions the five hottest paths take: figures that do not depend on what else the machine does.

    python -m benchmarks.instructions            count and compare with instructions.json; status 1 beyond 2 per cent
    python -m benchmarks.instructions --update   write what was counted, in the commit that changes it

Valgrind's callgrind counts; without it there is a message and status 0. Each path runs in processes of its own, once
and three times on the same input, and half of the difference is what one run takes: imports and preparation are left
out. Counts depend on Python's version and the compiler, so they are compared only where these are what the file names.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import sysconfig
from array import array
from collections.abc import Callable
from pathlib import Path

from benchmarks.figure import case_of
from benchmarks.reference_cluster import FORMS, reference_cluster

PATH = Path(__file__).with_name("instructions.json")
SERVICES = 200
FEW_SERVICES = 20
"""For packets, where the rules are read first."""

PACKETS = 20_000
TOLERANCE = 0.02
_COUNTED = re.compile(r"Collected : (\d+)")


def _reading(figure: str) -> Callable[[], object]:
    run = case_of("reading", figure, "kcompile").prepare(SERVICES).run
    assert callable(run)
    return run


def _passes_and_plan() -> Callable[[], object]:
    import kcompile
    from kcompile.ir.build_plan import build_plan
    from kcompile.passes.pipeline import complete

    given = kcompile.load([reference_cluster("json", SERVICES)]).given

    def run() -> object:
        completed, _ = complete(given)
        return build_plan(completed, completed.nodes[0].name, "iptables", "1.37")

    return run


def _emitting() -> Callable[[], object]:
    import kcompile

    cluster = kcompile.load([reference_cluster("json", SERVICES)])
    node = cluster.node(cluster.node_names[0], mode="iptables")
    return lambda: (node.emit_bytes("iptables-save"), node.emit_bytes("iptables-restore"))


def _packets() -> Callable[[], object]:
    import kcompile

    cluster = kcompile.load([reference_cluster("json", FEW_SERVICES)])
    rules = kcompile.read_ruleset(cluster.node(cluster.node_names[0], mode="iptables").emit("iptables-save"))
    chance = random.Random(1)
    services = [service.cluster_ip.split(".") for service in cluster.model.services]
    addresses = [int.from_bytes(bytes(map(int, octets)), "big") for octets in services]
    columns = {
        "source": array("I", [0x0A800001] * PACKETS),
        "destination": array("I", chance.choices(addresses, k=PACKETS)),
        "protocol": array("B", [6] * PACKETS),
        "port": array("H", chance.choices((80, 9090, 443), k=PACKETS)),
    }
    return lambda: rules.evaluate_many(columns)


PATHS: dict[str, Callable[[], Callable[[], object]]] = {
    "YAML to objects": lambda: _reading("yaml"),
    "JSON to objects": lambda: _reading("json"),
    "passes and plan": _passes_and_plan,
    "iptables text": _emitting,
    "packets": _packets,
}


def counted(path: str) -> int:
    """The instructions of one run."""
    return (_counted(path, 3) - _counted(path, 1)) // 2


def _counted(path: str, times: int) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable]
    command += ["-m", "benchmarks.instructions", "--run", path, "--times", str(times)]
    run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "0"})
    found = _COUNTED.search(run.stderr)
    if run.returncode or not found:
        raise SystemExit(f"{path}: {run.stderr[-2000:]}")
    return int(found[1])


def _build() -> dict[str, str]:
    """What counts depend on, as far as it can be told."""
    compiler = sysconfig.get_config_var("CC") or ""
    return {"python": platform.python_version(), "machine": platform.machine(), "compiler": compiler}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions")
    parser.add_argument("--update", action="store_true", help=f"write {PATH.name}")
    parser.add_argument("--run", choices=PATHS, help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run = PATHS[options.run]()
        for _ in range(options.times):
            run()
        return 0
    if not shutil.which("valgrind"):
        print("skipped: valgrind is not installed")
        return 0
    kept = json.loads(PATH.read_text()) if PATH.is_file() else {}
    comparable = kept.get("build") == _build()
    if not comparable and not options.update:
        print(f"not compared: {PATH.name} is for {kept.get('build')}, this is {_build()}")
    for services in (SERVICES, FEW_SERVICES):
        for form in FORMS:
            reference_cluster(form, services)  # no run shall be the one that writes it
    counts, beyond = {}, False
    for path in PATHS:
        counts[path] = counted(path)
        before = kept.get("counts", {}).get(path)
        change = counts[path] / before - 1 if before else 0.0
        beyond |= abs(change) > TOLERANCE
        print(f"{path:<20}{counts[path]:>16,}" + (f"{change:>+9.1%}" if before else ""), flush=True)
    if options.update:
        PATH.write_text(json.dumps({"build": _build(), "services": SERVICES, "counts": counts}, indent=2) + "\n")
        return 0
    return int(comparable and beyond)


if __name__ == "__main__":
    sys.exit(main())
