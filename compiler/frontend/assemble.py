"""Objects to a cluster: sorted, one of each configuration kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

from kcompile.diagnostics import Diagnostic, error
from kcompile.frontend.build import ApiObject
from kcompile.model import (
    Cluster,
    ClusterConfiguration,
    ConfigMap,
    Endpoints,
    EndpointSlice,
    IPAddressPool,
    KubeletConfiguration,
    KubeProxyConfiguration,
    Namespace,
    Node,
    Pod,
    Service,
    ServiceCIDR,
    Workload,
)

T = TypeVar("T", bound=ApiObject)


def assemble(objects: Iterable[ApiObject], skipped: Mapping[str, int]) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """The cluster of these objects, in an order that does not depend on the order of the input."""
    by_type: dict[type, list[ApiObject]] = {}
    for one in objects:
        by_type.setdefault(type(one), []).append(one)

    def objects_of(kind: type[T]) -> tuple[T, ...]:
        return tuple(sorted((o for o in by_type.get(kind, ()) if isinstance(o, kind)), key=_identity))

    problems: list[Diagnostic] = []

    def configuration_of(kind: type[T]) -> T | None:
        given = [o for o in by_type.get(kind, ()) if isinstance(o, kind)]
        for other in given[1:]:
            first = given[0].origin.span
            text = f"a second {kind.__name__}; the first is at {first}"
            problems.append(
                error("duplicate-configuration", text, other.origin.span, "a cluster has one; remove the other")
            )
        return given[0] if given else None

    cluster = Cluster(
        services=objects_of(Service),
        endpoint_slices=objects_of(EndpointSlice),
        endpoints=objects_of(Endpoints),
        pods=objects_of(Pod),
        workloads=objects_of(Workload),
        nodes=objects_of(Node),
        namespaces=objects_of(Namespace),
        config_maps=objects_of(ConfigMap),
        service_cidrs=objects_of(ServiceCIDR),
        address_pools=objects_of(IPAddressPool),
        kube_proxy=configuration_of(KubeProxyConfiguration),
        kubelet=configuration_of(KubeletConfiguration),
        cluster_configuration=configuration_of(ClusterConfiguration),
        skipped=MappingProxyType(dict(sorted(skipped.items()))),
    )
    return cluster, tuple(problems)


def _identity(one: ApiObject) -> tuple[str, str, str]:
    assert not isinstance(one, KubeProxyConfiguration | KubeletConfiguration | ClusterConfiguration)
    return one.meta.namespace, one.meta.name, one.kind if isinstance(one, Workload) else ""
