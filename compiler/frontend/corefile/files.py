"""The files that a Corefile names: regular files only, of bounded size."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_SIZE = 64 << 20
CONFIG_MAP_FOLDER = "/etc/coredns"
# The container runtime writes these anew for every Pod: what this machine has there says nothing.
_WRITTEN_FOR_EACH_POD = frozenset({"/etc/resolv.conf", "/etc/hosts"})


class FileError(Exception):
    """A file cannot be read; `reason` is in the operating system's words: "no such file or directory"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def is_missing(self) -> bool:
        return self.reason == "no such file or directory"


@dataclass(frozen=True, slots=True)
class Files:
    """Where a Corefile's files are looked up.

    `folder` is what relative names start from. With `mounted` the Corefile comes from a ConfigMap: those are the
    ConfigMap's keys, nothing is read from this machine, and what is not among them cannot be known.
    """

    folder: str = "."
    mounted: Mapping[str, bytes] | None = field(default=None, repr=False)

    def read(self, name: str) -> bytes | None:
        """The content, or None where it cannot be known here. Raises `FileError`."""
        if self.mounted is not None:
            return self._mounted(name)
        if name in _WRITTEN_FOR_EACH_POD:
            return None
        path = os.path.join(self.folder, name)
        try:
            # Opening a FIFO would wait for a writer, a device might never end: look before reading.
            status = os.stat(path)
            if stat.S_ISDIR(status.st_mode):
                raise FileError("is a directory")
            if not stat.S_ISREG(status.st_mode):
                raise FileError("not a regular file")
            if status.st_size > MAX_SIZE:
                raise FileError(f"more than {MAX_SIZE >> 20} MiB")
            with open(path, "rb") as file:
                return file.read(MAX_SIZE)
        except (OSError, ValueError) as failure:
            raise FileError(_reason(failure)) from None

    def exists(self, name: str) -> bool:
        """Whether there is anything of that name, a folder included; true where it cannot be known."""
        return self.mounted is not None or os.path.lexists(os.path.join(self.folder, name))

    def _mounted(self, name: str) -> bytes | None:
        assert self.mounted is not None
        folder, key = os.path.split(os.path.normpath(os.path.join(CONFIG_MAP_FOLDER, name)))
        if folder != CONFIG_MAP_FOLDER:
            return None
        return self.mounted.get(key)


def _reason(failure: OSError | ValueError) -> str:
    if not isinstance(failure, OSError):
        return "invalid argument"
    return (failure.strerror or str(failure)).lower()
