"""The outside of the rig: run a script in namespaces of its own, or say what is missing for that."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernel.scenario import Report, Script, dump, load_report

REPOSITORY = Path(__file__).resolve().parents[2]
UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount")
TIMEOUT = 60.0
PACKAGE_OF = {
    "ip": "iproute2",
    "ipset": "ipset",
    "nft": "nftables",
    "xtables-monitor": "iptables",
    "unshare": "util-linux",
    "iptables-restore": "iptables",
    "iptables-nft-restore": "iptables",
    "iptables-legacy-restore": "iptables",
    "iptables-legacy-save": "iptables",
    "named-checkzone": "bind9-utils",
}


@functools.cache
def why_not(*tools: str) -> str:
    """Why the rig cannot run with these tools on this machine; "" when it can."""
    for tool in ("unshare", "ip", *tools):
        if not shutil.which(tool):
            return f"no {tool}: install the Debian package {PACKAGE_OF.get(tool, tool)}"
    if any(tool.endswith("-legacy-save") for tool in tools) and os.geteuid():
        return "the legacy iptables-save reads /proc/net/ip_tables_names, which only root may: run it as root"
    done = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True)
    if done.returncode:
        return (
            f"unshare -Urnm is not allowed ({done.stderr.strip()}): "
            "allow it with sysctl kernel.unprivileged_userns_clone=1 and user.max_user_namespaces"
        )
    return ""


def require(*tools: str) -> None:
    """Skip the test that calls this where the rig cannot run."""
    if reason := why_not(*tools):
        pytest.skip(reason)


def perform(script: Script) -> Report:
    """Run a script in fresh namespaces; every command of it must succeed."""
    done = subprocess.run(
        [*UNSHARE, sys.executable, "-m", "tests.kernel.world"],
        input=dump(script),
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=TIMEOUT,
    )
    if "MissingSysctl" in done.stderr:
        pytest.skip(f"no such sysctl in a network namespace here: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    report = load_report(done.stdout)
    for command, output in zip(script.commands, report.outputs, strict=True):
        assert output.status == 0, f"{' '.join(command.argv)}: {output.stderr}"
    return report
