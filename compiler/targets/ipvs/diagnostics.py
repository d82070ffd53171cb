"""What the ipvs mode cannot do with a plan, and kube-proxy only says in its log."""

from __future__ import annotations

from collections.abc import Iterator

from kcompile.diagnostics import Diagnostic, Severity, warning
from kcompile.frontend.locate import problem
from kcompile.ir.plan import Family, NodePlan
from kcompile.targets.ipvs.sets import MAXIMUM_ELEMENTS, elements, is_refused


def diagnostics(plan: NodePlan, families: tuple[Family, ...]) -> Iterator[Diagnostic]:
    """Warnings about elements that the kernel's sets do not take."""
    warned: set[tuple[str, str]] = set()
    for family in families:
        for port in plan.family(family).service_ports:
            service = (port.namespace, port.service)
            if port.load_balancer_vips and any(map(is_refused, port.source_ranges)) and service not in warned:
                warned.add(service)
                yield problem(
                    port.origin,
                    "ipset-range",
                    ("spec", "loadBalancerSourceRanges"),
                    "in ipvs mode a range of all addresses lets nobody in: no ipset can hold a prefix of length 0",
                    "leave loadBalancerSourceRanges out to let everybody in",
                    Severity.WARNING,
                )
        for ip_set, own in elements(plan.family(family)).items():
            if len(own) > MAXIMUM_ELEMENTS:
                name = ip_set.name_in(family)
                yield warning("ipset-full", f"ipset {name} holds {MAXIMUM_ELEMENTS} elements, not {len(own)}")
