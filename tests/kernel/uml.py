"""The rig inside a virtual machine: user-mode-linux has what most kernels and containers lack, ip_vs.

Debian's `user-mode-linux` runs as an ordinary process, without root and without KVM. The guest mounts the host's root
read-only and so drives the host's own ipvsadm, ipset, iptables-legacy and ip (it has no nf_tables). One boot takes
about two seconds; give it all scripts at once.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.kernel.rig import REPOSITORY
from tests.kernel.scenario import Report, Script, dump, load_report

KERNEL = "linux.uml"
MODULES_FOLDER = Path("/usr/lib/uml/modules")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
DEBIAN_PACKAGE = {
    KERNEL: "user-mode-linux",
    "busybox": "busybox-static",
    "ipvsadm": "ipvsadm",
    "ipset": "ipset",
    "iptables-legacy-restore": "iptables",
    "ip": "iproute2",
    "unshare": "util-linux",
}

SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "mh", "fo", "ovf")
"""All that Linux 6.1 has."""

MATCHES = (
    "MASQUERADE",
    "REDIRECT",
    "addrtype",
    "comment",
    "conntrack",
    "ipvs",
    "mark",
    "nat",
    "physdev",
    "set",
    "state",
)
MODULES = (
    *("dummy", "veth", "bridge", "br_netfilter", "sctp", "nf_conntrack_netlink"),
    *("iptable_filter", "iptable_nat", "ip6table_filter", "ip6table_nat", "ipt_REJECT", "ip6t_REJECT"),
    *("xt_tcpudp", "xt_multiport", "xt_sctp", *(f"xt_{name}" for name in MATCHES)),
    *(f"ip_set_{name}" for name in ("bitmap_port", "hash_ip", "hash_ipport", "hash_ipportip", "hash_ipportnet")),
    *("ip_vs", *(f"ip_vs_{name}" for name in SCHEDULERS)),
)
"""What the rig's worlds and kube-proxy's ipvs and iptables modes need."""

# The folder holds script.N; the guest leaves report.N, and what went wrong in `errors`. /dev/shm would be hidden by the
# guest's own /dev, so the folder is mounted, and everything else that is written goes to the guest's memory.
INIT = """\
#!/bin/sh
export PATH={path} TMPDIR=/run
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir /run/work
mount -t hostfs -o {folder} hostfs /run/work
cd {repository}
{{
    while read -r module; do busybox insmod "$module" || echo "cannot load $module"; done </run/work/modules
    for script in /run/work/script.*; do
        number="${{script##*.}}"
        report="/run/work/report.$number"
        unshare --net {python} -m tests.kernel.world <"$script" >"$report" || echo "script $number failed"
    done
}} 2>&1 | cat >/run/work/errors
busybox poweroff -f
"""


class GuestError(Exception):
    """The guest did not boot or finish, or a script failed in it; the message holds what it printed."""


def why_not() -> str:
    """Why there can be no guest on this machine; "" when there can."""
    packages = {package: None for tool, package in DEBIAN_PACKAGE.items() if not shutil.which(tool, path=PATH)}
    if has_wide_registers() and not shutil.which("cc"):
        packages["gcc"] = None
    return f"install the Debian packages {', '.join(packages)}" if packages else ""


def require() -> None:
    """Skip the test that calls this where there can be no guest."""
    if reason := why_not():
        pytest.skip(reason)


def perform(scripts: Sequence[Script], *, seconds: float = 120, memory: str = "256M") -> tuple[Report, ...]:
    """Boot one guest and run the scripts in it, each in a network namespace of its own.

    Unlike `rig.perform` it does not look at the status of commands. Raises GuestError when the guest does not finish in
    time, or a script cannot be run.
    """
    with tempfile.TemporaryDirectory(prefix="uml-") as name:
        folder = Path(name)
        (folder / "modules").write_text("".join(f"{path}\n" for path in module_files()))
        for number, script in enumerate(scripts):
            (folder / f"script.{number}").write_text(dump(script))
        init = folder / "init"
        init.write_text(INIT.format(path=PATH, folder=folder, repository=REPOSITORY, python=sys.executable))
        init.chmod(0o755)
        console = boot(init, seconds, memory)
        if errors := (folder / "errors").read_text() if (folder / "errors").exists() else console[-2000:]:
            raise GuestError(errors)
        return tuple(load_report((folder / f"report.{number}").read_text()) for number in range(len(scripts)))


def boot(init: Path, seconds: float, memory: str) -> str:
    """Run the kernel until it powers off and return what it wrote to its console."""
    kernel = str(shutil.which(KERNEL, path=PATH))
    root = ("rootfstype=hostfs", "rootflags=/", "ro", "quiet", f"init={init}")
    console = ("con0=null,fd:1", "con=null", "ssl=null", f"uml_dir={init.parent}/", "umid=guest")
    # The guest's memory is a file in TMPDIR: anywhere but in the host's memory it would be written to a disk.
    environment = {**os.environ, "TMPDIR": "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(init.parent)}
    if has_wide_registers():
        environment["LD_PRELOAD"] = str(register_shim(init.parent))
    with subprocess.Popen(
        (kernel, f"mem={memory}", *root, *console),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as guest:
        try:
            return guest.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired as error:
            # Every process of the guest is one of the host, in the kernel's group.
            os.killpg(guest.pid, signal.SIGKILL)
            raise GuestError(f"the guest did not finish within {seconds} s") from error


def has_wide_registers() -> bool:
    """Whether the processor has more registers than Linux 6.1 keeps for a process of the guest: see uml_xstate.c."""
    return " amx_tile" in Path("/proc/cpuinfo").read_text()


def register_shim(folder: Path) -> Path:
    """Compile the library that lets the guest run all the same."""
    library = folder / "xstate.so"
    source = Path(__file__).with_name("uml_xstate.c")
    subprocess.run(("cc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", library, source), check=True)
    return library


def module_files() -> Iterator[Path]:
    """The files of MODULES and of what they depend on, in the order in which they load."""
    [tree] = MODULES_FOLDER.iterdir()
    for path in load_order(MODULES, (tree / "modules.dep").read_text()):
        yield tree / path


def load_order(names: Iterable[str], dependencies: str) -> Iterator[str]:
    """The modules that `names` need, as paths in `modules.dep`, each after those that it depends on."""
    lines = (line.partition(":") for line in dependencies.splitlines())
    requires = {path: rest.split() for path, _, rest in lines}
    path_of = {path.rpartition("/")[2].removesuffix(".ko"): path for path in requires}
    loaded: set[str] = set()
    for name in names:
        path = path_of[name]
        for module in (*reversed(requires[path]), path):
            if module not in loaded:
                loaded.add(module)
                yield module
