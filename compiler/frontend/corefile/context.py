"""What a plugin's setup knows about the server block around it and the machine below it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from kcompile.frontend.corefile.addresses import parse_cidr
from kcompile.frontend.corefile.files import Files

LOOPBACK = {"lo": ("127.0.0.1/8", "::1/128")}


@dataclass(frozen=True, slots=True)
class Machine:
    """The addresses that the machine has, by interface, as `IP/PREFIX`. `is_known` is false for a Pod."""

    interfaces: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: LOOPBACK)
    is_known: bool = True

    def has(self, address: str) -> bool:
        """Whether something can listen on an IP address here."""
        parsed = parse_cidr(f"{address}/{128 if ':' in address else 32}")
        if parsed is None or not self.is_known or parsed[0].is_unspecified:
            return parsed is not None
        texts = (text for addresses in self.interfaces.values() for text in addresses)
        own = [found for text in texts if (found := parse_cidr(text))]
        # Linux takes every address of the loopback network for its own.
        return any(parsed[0] == ip or (network.is_loopback and parsed[0] in network) for ip, network in own)


@dataclass(frozen=True, slots=True)
class Context:
    """`keys` are the block's keys as `scheme://zone.:port`, `plugins` the names of all plugins of the block.

    `root` is what the `root` plugin put before relative file names. `in_cluster` means that CoreDNS runs in a Pod, and
    so finds the API server by itself.
    """

    keys: tuple[str, ...]
    plugins: frozenset[str]
    files: Files
    machine: Machine = Machine()
    environment: Mapping[str, str] = field(default_factory=dict)
    root: str = ""
    in_cluster: bool = False

    def path(self, name: str) -> str:
        """A file name below `root`, if it is relative."""
        if not self.root or name.startswith("/"):
            return name
        return posixpath.normpath(posixpath.join(self.root, name))
