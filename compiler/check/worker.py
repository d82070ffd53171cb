"""The program that runs inside the namespace. It stands alone, so that it starts fast and needs no path to kcompile.

Reads a JSON list of steps from standard input and prints one of answers (`sandbox.Step`, `sandbox.Answer`).
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from typing import Any

LIBNFTABLES = ["libnftables"]
# Debian's binding is not on the package index, and a virtual environment does not see the system's packages. Only this
# one module is loaded from there.
BINDING = "/usr/lib/python3/dist-packages/nftables/nftables.py"


def main() -> None:
    print(json.dumps([answer(step["argv"], step["stdin"]) for step in json.load(sys.stdin)]))


def answer(argv: list[str], rules: str) -> dict[str, str]:
    if argv == LIBNFTABLES:
        return dry_run(rules)
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "LC_ALL": "C",
            # These tools are root's, whose path others do not have.
            "PATH": os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin",
            # iptables-legacy wants to lock a file that only root may write.
            "XTABLES_LOCKFILE": f"{folder}/lock",
        }
        try:
            done = subprocess.run(argv, input=rules, capture_output=True, text=True, env=environment)
        except FileNotFoundError:
            return {"status": "missing", "message": f"{argv[0]} is not installed"}
    return {"status": "refused" if done.returncode else "accepted", "message": done.stderr}


def dry_run(rules: str) -> dict[str, str]:
    """What libnftables says; it asks the kernel, but commits nothing."""
    try:
        binding = load_binding()
        library = binding.Nftables()
    except OSError as problem:
        return {"status": "missing", "message": f"the Python binding of libnftables is not installed ({problem})"}
    library.set_dry_run(True)
    with tempfile.TemporaryFile("w+") as file:
        file.write(rules)
        file.seek(0)
        os.dup2(file.fileno(), 0)
        # As a file, so that errors name lines.
        status, _, message = library.cmd_from_file("/dev/stdin")
    return {"status": "refused" if status else "accepted", "message": message}


def load_binding() -> Any:
    spec = importlib.util.spec_from_file_location("nftables", BINDING)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(BINDING)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
