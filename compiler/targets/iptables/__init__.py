"""The iptables mode: `restore` and `save`, byte for byte what kube-proxy writes and what iptables-save makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kcompile.ir.endpoints import canonical_address
from kcompile.ir.plan import EndpointInfo, Family, FamilyPlan, NodePlan, ServicePortInfo
from kcompile.ir.versions import ENDPOINT_RULES
from kcompile.targets.iptables.forms import (
    Frames,
    Rules,
    restore_frames,
    restore_program,
    save_frames,
    save_program,
)
from kcompile.targets.iptables.node_rules import first_rules, last_rules
from kcompile.targets.iptables.service_rules import Options, record
from kcompile.targets.program import Program, SharedTexts

LARGE_CLUSTER_ENDPOINTS = 1000
"""With more endpoints than this, ready or not, summed over Service ports, endpoint rules lose their comments."""


def restore(plan: NodePlan, families: tuple[Family, ...], texts: SharedTexts | None = None) -> bytes:
    """What kube-proxy pipes to `iptables-restore --noflush --counters` in a full sync, for each family in turn."""
    return b"".join([_emit(plan, plan.family(f), restore_program, restore_frames, False, texts) for f in families])


def save(plan: NodePlan, families: tuple[Family, ...], texts: SharedTexts | None = None) -> bytes:
    """What iptables-save prints on a node that has kube-proxy's rules and jumps only, without counters."""
    given = not ENDPOINT_RULES[plan.kube_version].canonical_addresses
    # IPv4 has one spelling only.
    return b"".join([_emit(plan, plan.family(f), save_program, save_frames, given and f == 6, texts) for f in families])


def _emit(
    plan: NodePlan,
    family: FamilyPlan,
    program: Callable[[Options], Program],
    frames: Callable[[Rules, Rules], Frames],
    given_addresses: bool,
    texts: SharedTexts | None,
) -> bytes:
    ports = family.service_ports
    options = Options(
        family=family.family,
        large_cluster=sum(len(port.endpoints) for port in ports) > LARGE_CLUSTER_ENDPOINTS,
        masquerade_all=plan.configuration.iptables.masquerade_all,
        detect_local=family.detect_local,
        given_addresses=given_addresses,
    )
    record_of = _record_with_given_addresses if given_addresses else record
    around = frames(first_rules(plan, family), last_rules(plan, family))
    if texts is not None:
        return texts.emit(program(options), ports, record_of, around)
    return program(options).emit(list(map(record_of, ports)), around)


def _record_with_given_addresses(port: ServicePortInfo) -> tuple[Any, ...]:
    """A record whose endpoints also have the address that iptables-save prints, as `Options.given_addresses` asks."""
    both = {id(endpoint): (*endpoint, canonical_address(endpoint.ip)) for endpoint in port.reachable_endpoints}

    def with_both(value: Any) -> Any:
        is_endpoints = isinstance(value, tuple) and value and isinstance(value[0], EndpointInfo)
        return tuple([both[id(endpoint)] for endpoint in value]) if is_endpoints else value

    return tuple(map(with_both, record(port)))
