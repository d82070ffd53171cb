"""What of kube-proxy's nftables mode is not compiled."""

from __future__ import annotations

from collections.abc import Iterator

from kcompile.diagnostics import Diagnostic, warning
from kcompile.ir.plan import Family, NodePlan

LOCALHOST_GATE = "KubeProxyNFTablesLocalhostNodePorts"
"""Alpha in 1.37 (KEP-6032): kube-proxy itself listens for node ports on the loopback addresses."""


def diagnostics(plan: NodePlan, families: tuple[Family, ...]) -> Iterator[Diagnostic]:
    if plan.kube_version == "1.37" and plan.configuration.feature_gates.get(LOCALHOST_GATE):
        text = f"the rules that {LOCALHOST_GATE} adds are not compiled: node ports on localhost are left out"
        yield warning("feature-gate", text, plan.configuration.origin.span)
