"""Where addresses are taken from: ServiceCIDR (networking.k8s.io/v1) and MetalLB's IPAddressPool."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.source import NOWHERE, Origin
from kcompile.model.meta import Meta


@dataclass(frozen=True, slots=True)
class ServiceCIDR:
    meta: Meta
    origin: Origin = NOWHERE
    cidrs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IPAddressPool:
    """`addresses` are CIDRs or `first-last` ranges; `auto_assign` False keeps the pool for Services that name it."""

    meta: Meta
    origin: Origin = NOWHERE
    addresses: tuple[str, ...] = ()
    auto_assign: bool = True
