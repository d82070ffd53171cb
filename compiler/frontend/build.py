"""From the fields that the parser read to the objects of `model`.

The grammar's aliases are the names of the objects' attributes, so most rules need nothing but a constructor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from kcompile.frontend.kinds import Kind
from kcompile.frontend.parser import Builder, Required
from kcompile.frontend.source import Origin
from kcompile.model.configuration import (
    ClusterConfiguration,
    DetectLocal,
    IPTablesOptions,
    IPVSOptions,
    KubeletConfiguration,
    KubeProxyConfiguration,
    NFTablesOptions,
)
from kcompile.model.endpoint_slice import Endpoint, EndpointPort, EndpointSlice, TargetReference
from kcompile.model.endpoints import Endpoints, EndpointsAddress, EndpointSubset
from kcompile.model.meta import Meta
from kcompile.model.namespace import ConfigMap, Namespace
from kcompile.model.network import IPAddressPool, ServiceCIDR
from kcompile.model.node import Node, NodeAddress
from kcompile.model.pod import ContainerPort, DNSConfig, Pod, PodSpec, PodStatus
from kcompile.model.service import LoadBalancerIngress, Service, ServicePort
from kcompile.model.workload import Workload

Fields = dict[str, Any]
ApiObject = (
    Service
    | EndpointSlice
    | Endpoints
    | Pod
    | Workload
    | Node
    | Namespace
    | ConfigMap
    | ServiceCIDR
    | IPAddressPool
    | KubeProxyConfiguration
    | KubeletConfiguration
    | ClusterConfiguration
)


@dataclass(frozen=True, slots=True)
class Only:
    """A map of which one field counts: its value stands for the map."""

    name: str

    def __call__(self, fields: Fields) -> Any:
        return fields.get(self.name)


def part(fields: Fields) -> Fields:
    """A map of which the fields count as those of the record around it: it stands in its `inlined`."""
    return fields


@dataclass(frozen=True, slots=True)
class Record:
    """A map of which every field is an attribute of `type`, whose defaults are constants."""

    type: type
    inlined: tuple[str, ...] = ()

    def __call__(self, fields: Fields) -> Any:
        for name in self.inlined:
            fields.update(fields.pop(name, {}))
        return self.type(**fields)


def _pod_spec(fields: Fields) -> PodSpec:
    """The ports of containers and of restartable init containers (KEP-753: they run beside the others)."""
    ports = [port for container in fields.pop("containers", ()) for port in container.get("ports", ())]
    for container in fields.pop("init_containers", ()):
        if container.get("restart_policy") == "Always":
            ports += container.get("ports", ())
    return PodSpec(ports=tuple(ports), **fields)


def _pod_status(fields: Fields) -> PodStatus:
    conditions = {c.get("type"): c.get("status") for c in fields.pop("ready", ())}
    ready = conditions.get("Ready")
    return PodStatus(ready=None if ready is None else ready == "True", **fields)


def _dns_config(fields: Fields) -> DNSConfig:
    options = tuple((option.get("name", ""), option.get("value")) for option in fields.pop("options", ()))
    return DNSConfig(options=options, **fields)


def _owner(fields: Fields) -> tuple[str, str]:
    return fields.get("kind", ""), fields.get("name", "")


BUILDERS: Mapping[str, Builder] = MappingProxyType(
    {
        "string_map": MappingProxyType,
        "feature_gates": MappingProxyType,
        "owner": _owner,
        "service_port": Record(ServicePort),
        "session_affinity_config": Only("timeout"),
        "client_ip": Only("timeout"),
        "service_status": Only("ingress"),
        "load_balancer": Only("ingress"),
        "ingress": Record(LoadBalancerIngress),
        "endpoint_port": Record(EndpointPort),
        "endpoint_conditions": part,
        "endpoint_hints": part,
        "endpoint": Record(Endpoint, inlined=("conditions", "hints")),
        "hint_name": Only("name"),
        "target_reference": Record(TargetReference),
        "subset": Record(EndpointSubset),
        "subset_address": Record(EndpointsAddress),
        "pod_spec": _pod_spec,
        "container_port": Record(ContainerPort),
        "dns_config": _dns_config,
        "pod_status": _pod_status,
        "pod_ip": Only("ip"),
        "ordinals": Only("start"),
        "node_address": Record(NodeAddress),
        "service_cidr_spec": Only("cidrs"),
        "detect_local": Record(DetectLocal),
        "iptables_options": Record(IPTablesOptions),
        "ipvs_options": Record(IPVSOptions),
        "nftables_options": Record(NFTablesOptions),
        "conntrack_options": Only("tcp_be_liberal"),
    }
)
"""What the parser makes of each map rule; a rule that is not here gives its fields."""

_META = Required("meta", "metadata")
_SPEC = Required("spec", "spec")

REQUIRED: Mapping[str, tuple[Required, ...]] = MappingProxyType(
    {
        "service": (_META, _SPEC),
        "service_port": (Required("port", "port"),),
        "endpoint_slice": (_META, Required("address_type", "addressType")),
        "endpoint": (Required("addresses", "addresses"),),
        "hint_name": (Required("name", "name"),),
        "endpoints": (_META,),
        "subset_address": (Required("ip", "ip"),),
        "pod": (_META,),
        "pod_ip": (Required("ip", "ip"),),
        "container_port": (Required("container_port", "containerPort"),),
        "dns_option": (Required("name", "name"),),
        "deployment": (_META, _SPEC),
        "deployment_spec": (Required("template", "template"),),
        "stateful_set": (_META, _SPEC),
        "stateful_set_spec": (Required("template", "template"),),
        "daemon_set": (_META, _SPEC),
        "daemon_set_spec": (Required("template", "template"),),
        "job": (_META, _SPEC),
        "job_spec": (Required("template", "template"),),
        "node": (_META,),
        "node_address": (Required("type", "type"), Required("address", "address")),
        "namespace": (_META,),
        "config_map": (_META,),
        "service_cidr": (_META,),
        "address_pool": (_META,),
    }
)
"""What the API server refuses to do without, and nothing fills in. Names are checked apart: see `manifests`."""


def build(kind: Kind, fields: Fields, origin: Origin) -> ApiObject:
    """The object of one manifest. `fields` holds all that REQUIRED asks for, and metadata with a name."""
    built: ApiObject = _OBJECTS[kind.kind](kind, fields, origin)
    return built


def _meta(kind: Kind, fields: Fields) -> Meta:
    given = {"name": "", **(fields.get("meta") or {})}
    namespace = given.pop("namespace", "") or "default"
    return Meta(namespace=namespace if kind.namespaced else "", **given)


def _service(kind: Kind, fields: Fields, origin: Origin) -> Service:
    return Service(_meta(kind, fields), origin, ingress=fields.get("status", ()), **fields["spec"])


def _endpoint_slice(kind: Kind, fields: Fields, origin: Origin) -> EndpointSlice:
    return EndpointSlice(
        _meta(kind, fields), origin, fields["address_type"], fields.get("ports", ()), fields.get("endpoints", ())
    )


def _endpoints(kind: Kind, fields: Fields, origin: Origin) -> Endpoints:
    return Endpoints(_meta(kind, fields), origin, fields.get("subsets", ()))


def _pod(kind: Kind, fields: Fields, origin: Origin) -> Pod:
    return Pod(_meta(kind, fields), origin, fields.get("spec", PodSpec()), fields.get("status"))


def _workload(kind: Kind, fields: Fields, origin: Origin) -> Workload:
    spec = dict(fields["spec"])
    template = spec.pop("template")
    return Workload(
        kind=kind.kind,
        meta=_meta(kind, fields),
        template_meta=_meta(kind, template),
        template_spec=template.get("spec", PodSpec()),
        origin=origin,
        **spec,
    )


def _node(kind: Kind, fields: Fields, origin: Origin) -> Node:
    spec = fields.get("spec", {})
    cidrs = spec.get("pod_cidrs") or tuple(filter(None, (spec.get("pod_cidr"),)))
    return Node(_meta(kind, fields), origin, cidrs, fields.get("status", {}).get("addresses", ()))


def _config_map(kind: Kind, fields: Fields, origin: Origin) -> ConfigMap:
    return ConfigMap(_meta(kind, fields), origin, fields.get("data", MappingProxyType({})))


def _address_pool(kind: Kind, fields: Fields, origin: Origin) -> IPAddressPool:
    return IPAddressPool(_meta(kind, fields), origin, **fields.get("spec", {}))


_OBJECTS: Mapping[str, Any] = MappingProxyType(
    {
        "Service": _service,
        "EndpointSlice": _endpoint_slice,
        "Endpoints": _endpoints,
        "Pod": _pod,
        "Deployment": _workload,
        "ReplicaSet": _workload,
        "StatefulSet": _workload,
        "DaemonSet": _workload,
        "Job": _workload,
        "Node": _node,
        "Namespace": lambda kind, fields, origin: Namespace(_meta(kind, fields), origin),
        "ConfigMap": _config_map,
        "ServiceCIDR": lambda kind, fields, origin: ServiceCIDR(_meta(kind, fields), origin, fields.get("cidrs", ())),
        "IPAddressPool": _address_pool,
        "KubeProxyConfiguration": lambda kind, fields, origin: KubeProxyConfiguration(origin, **fields),
        "KubeletConfiguration": lambda kind, fields, origin: KubeletConfiguration(origin, **fields),
        "ClusterConfiguration": lambda kind, fields, origin: ClusterConfiguration(
            origin, **fields.get("networking", {})
        ),
    }
)
