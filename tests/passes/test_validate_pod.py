"""Pods and workloads that the API server refuses, and those that it takes."""

from __future__ import annotations

from typing import Any

import pytest

from kcompile.model import Cluster, DNSConfig, Pod, PodStatus, Workload
from kcompile.passes.defaults import default_objects
from kcompile.passes.validation import validate
from tests.passes.objects import container_port, errors, meta, pod, workload


def found(given: Pod | Workload) -> list[str]:
    cluster = Cluster(pods=(given,)) if isinstance(given, Pod) else Cluster(workloads=(given,))
    return errors(validate(default_objects(cluster)[0])[1])


SPECS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"node_name": "node-1", "node_selector": {"disk": "ssd"}, "hostname": "a", "subdomain": "b"}, []),
    ({"node_name": "A"}, ["bad-name {}.nodeName"]),
    ({"node_selector": {"disk": "s s"}}, ["bad-label {}.nodeSelector.disk"]),
    ({"hostname": "a.b"}, ["bad-name {}.hostname"]),
    ({"subdomain": "a.b"}, ["bad-name {}.subdomain"]),
    ({"dns_policy": "clusterFirst"}, ["bad-value {}.dnsPolicy"]),
    ({"dns_policy": "None"}, ["missing-field {}.dnsConfig.nameservers"]),
    ({"dns_policy": "None", "dns_config": DNSConfig(("8.8.8.8", "2001:db8::1"), ("my.local",), (("ndots", "2"),))}, []),
    ({"dns_config": DNSConfig(searches=(".", "_tcp.a.example", "a.example."), options=(("edns0", None),))}, []),
    ({"dns_config": DNSConfig(("1.1.1.1",) * 4)}, ["too-many {}.dnsConfig.nameservers"]),
    ({"dns_config": DNSConfig(("dns.example",))}, ["bad-address {}.dnsConfig.nameservers[0]"]),
    ({"dns_config": DNSConfig(searches=("a",) * 33)}, ["too-many {}.dnsConfig.searches"]),
    ({"dns_config": DNSConfig(searches=("a" * 250,) * 9)}, ["too-long {}.dnsConfig.searches"]),
    ({"dns_config": DNSConfig(searches=("a\nnameserver 6.6.6.6",))}, ["bad-name {}.dnsConfig.searches[0]"]),
    ({"dns_config": DNSConfig(options=(("a b", None),))}, ["bad-value {}.dnsConfig.options[0].name"]),
    ({"dns_config": DNSConfig(options=(("a", "1\n2"),))}, ["bad-value {}.dnsConfig.options[0].value"]),
    ({"ports": (container_port(80, "http"), container_port(53, "dns", "UDP"))}, []),
    ({"ports": (container_port(0, "http"),)}, ["port-range {}.containers"]),
    ({"ports": (container_port(80, "Http"),)}, ["bad-name {}.containers"]),
    ({"ports": (container_port(80, "http", "tcp"),)}, ["bad-value {}.containers"]),
]


@pytest.mark.parametrize(("fields", "expected"), SPECS, ids=[str(n) for n in range(len(SPECS))])
def test_the_spec_of_a_pod_and_of_a_template_are_held_to_their_fields(
    fields: dict[str, Any], expected: list[str]
) -> None:
    assert found(pod("web-0", **fields)) == [text.format("spec") for text in expected]
    assert found(workload("Deployment", **fields)) == [text.format("spec.template.spec") for text in expected]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (PodStatus("Running", "10.0.0.1", ("10.0.0.1", "fd00::1"), True), []),
        (PodStatus("Pending"), []),
        (PodStatus("running"), ["bad-value status.phase"]),
        (PodStatus(pod_ip="10.0.0"), ["bad-address status.podIP", "bad-address status.podIPs[0].ip"]),
        (PodStatus(pod_ip="10.0.0.1", pod_ips=("10.0.0.2",)), ["bad-value status.podIPs"]),
    ],
)
def test_the_status_of_a_pod_is_held_to_its_fields(status: PodStatus, expected: list[str]) -> None:
    assert found(Pod(meta("a"), status=status)) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (workload("Deployment", replicas=-1), ["bad-value spec.replicas"]),
        (workload("Job", replicas=-1), ["bad-value spec.parallelism"]),
        (workload("Job", completions=-1), ["bad-value spec.completions"]),
        (workload("StatefulSet", first_ordinal=-1), ["bad-value spec.ordinals.start"]),
        (workload("StatefulSet", first_ordinal=1 << 100_000), ["bad-value spec.ordinals.start"]),
        (workload("Deployment", replicas=2**31), ["bad-value spec.replicas"]),
        (workload("StatefulSet", service_name="a.b"), ["bad-name spec.serviceName"]),
        (workload("DaemonSet", "A"), ["bad-name metadata.name"]),
    ],
)
def test_a_workload_is_held_to_its_fields(given: Workload, expected: list[str]) -> None:
    assert found(given) == expected


def test_a_pod_name_may_be_longer_than_a_dns_label() -> None:
    assert found(pod("p" * 100)) == []
    assert found(pod("p" * 254)) == ["bad-name metadata.name"]


def test_two_workloads_of_one_name_are_two_kinds_or_an_error() -> None:
    both = (workload("Deployment"), workload("StatefulSet"))
    assert errors(validate(default_objects(Cluster(workloads=both))[0])[1]) == []
    twice = (workload("Job"), workload("Job"))
    assert errors(validate(default_objects(Cluster(workloads=twice))[0])[1]) == ["duplicate-name metadata.name"]
