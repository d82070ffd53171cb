"""Compile Kubernetes manifests into the rules, records and resolv.confs that a cluster would end up with.

import kcompile
cluster = kcompile.load(["manifests/"])
print(cluster.node("node-1", mode="nftables").emit("nft"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kcompile.diagnostics import Diagnostic, Errors, KcompileError

if TYPE_CHECKING:
    from kcompile.api import CompiledCluster, CompiledNode, load, loads
    from kcompile.evaluate.packet import Packet
    from kcompile.readers import read_ruleset

__version__ = "0.1.0"

_LAZY = {
    "CompiledCluster": "kcompile.api",
    "CompiledNode": "kcompile.api",
    "load": "kcompile.api",
    "loads": "kcompile.api",
    "Packet": "kcompile.evaluate.packet",
    "read_ruleset": "kcompile.readers",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for, and no more: `import kcompile.cli` must not cost what it does not use (PEP 562)."""
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "CompiledCluster",
    "CompiledNode",
    "Diagnostic",
    "Errors",
    "KcompileError",
    "Packet",
    "__version__",
    "load",
    "loads",
    "read_ruleset",
]
