"""Network namespaces of this process, and veths between them; needs `unshare -Urnm` around it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class MissingSysctl(RuntimeError):
    """This kernel, or this container, does not let a network namespace have a sysctl that the rig needs."""


class Namespace:
    """A network namespace, held open by a file descriptor."""

    __slots__ = ("fd", "name")

    def __init__(self, name: str, fd: int) -> None:
        self.name = name
        self.fd = fd

    @property
    def path(self) -> str:
        """A path by which other processes reach it, as long as this one lives."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"


def current(name: str) -> Namespace:
    return Namespace(name, os.open("/proc/self/ns/net", os.O_RDONLY))


def create(name: str) -> Namespace:
    """A new namespace with its loopback up; this thread stays where it is."""
    here = current("")
    _check(_libc.unshare(CLONE_NEWNET))
    made = current(name)
    ip("link set lo up")
    _check(_libc.setns(here.fd, CLONE_NEWNET))
    os.close(here.fd)
    return made


@contextlib.contextmanager
def inside(namespace: Namespace) -> Iterator[None]:
    """Run this thread, the sockets it opens and the commands it starts in the namespace."""
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    _check(_libc.setns(namespace.fd, CLONE_NEWNET))
    try:
        yield
    finally:
        _check(_libc.setns(here, CLONE_NEWNET))
        os.close(here)


def ip(*lines: str, family: int = 0) -> None:
    """Run lines of `ip -batch` in the namespace of this thread; `family` 6 where a line does not tell."""
    argv = ["ip", *(["-6"] if family == 6 else []), "-batch", "-"]
    done = subprocess.run(argv, input="\n".join(lines) + "\n", capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip -batch: {done.stderr.strip()}\n" + "\n".join(lines))


def sysctl(values: dict[str, str]) -> None:
    """Set sysctls, `net/ipv4/ip_forward` style, in the namespace of this thread."""
    for name, value in values.items():
        try:
            Path("/proc/sys", name).write_text(value)
        except OSError as problem:
            raise MissingSysctl(f"{name.replace('/', '.')}: {problem.strerror}") from problem


def _check(status: int) -> None:
    if status:
        problem = ctypes.get_errno()
        raise OSError(problem, os.strerror(problem))
