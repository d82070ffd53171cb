"""The nftables mode: the tables `ip kube-proxy` and `ip6 kube-proxy`.

`rules` holds everything that they consist of, once; `commands` and `listing` spell it in two forms.
"""

from __future__ import annotations

from kcompile.ir.plan import Family, NodePlan
from kcompile.targets.nftables.commands import COMMANDS
from kcompile.targets.nftables.diagnostics import diagnostics
from kcompile.targets.nftables.listing import LISTING
from kcompile.targets.nftables.tables import write_table
from kcompile.targets.program import SharedTexts


def commands(plan: NodePlan, families: tuple[Family, ...], texts: SharedTexts | None = None) -> bytes:
    """The tables as `add ...` commands, one a line, as kube-proxy's own dump shows them.

    Raises `kcompile.diagnostics.Errors` for a Kubernetes version whose nftables mode is not compiled.
    """
    return b"".join([write_table(plan, family, COMMANDS, texts) for family in families])


def nft(plan: NodePlan, families: tuple[Family, ...], texts: SharedTexts | None = None) -> bytes:
    """The tables as `nft list table` prints them; `nft -f` puts them in place of those that a node has.

    So that one transaction replaces what is there, each table is deleted first; and so that there is something to
    delete, it is added before that. Raises as `commands`.
    """
    names = ["ip kube-proxy" if family == 4 else "ip6 kube-proxy" for family in families]
    replacement = "".join(f"add table {name}\ndelete table {name}\n" for name in names)
    return b"".join([replacement.encode(), *[write_table(plan, family, LISTING, texts) for family in families]])


__all__ = ["commands", "diagnostics", "nft"]
