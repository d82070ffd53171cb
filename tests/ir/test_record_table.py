"""The table of a cluster's DNS records, and which objects CoreDNS would take into it."""

from __future__ import annotations

from dataclasses import replace

import pytest

import kcompile
from kcompile.frontend.corefile.plugins.kubernetes import KubernetesSettings
from kcompile.ir.cluster_corefile import cluster_domain, kubernetes_settings, load_cluster_corefile
from kcompile.ir.dns_objects import DnsObjects, dns_objects
from kcompile.ir.record_table import forward_records, reverse_records
from kcompile.ir.records import ClusterRecords

MANIFESTS = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.0.80, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop, labels: {tier: data}}
spec: {clusterIP: None, ports: [{name: pg, port: 5432}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-a, namespace: shop, labels: {kubernetes.io/service-name: db, tier: data}}
addressType: IPv4
endpoints:
  - {addresses: [10.244.1.5], hostname: db-0}
  - {addresses: [10.244.1.6]}
  - {addresses: [10.244.1.7], conditions: {ready: false}}
ports: [{name: pg, port: 5432}]
---
apiVersion: v1
kind: Service
metadata: {name: out, namespace: shop}
spec: {type: ExternalName, externalName: www.example.com}
---
apiVersion: v1
kind: Pod
metadata: {name: job, namespace: shop}
spec: {containers: [{name: main, image: i}]}
status: {phase: %s, podIP: 10.244.1.9}
"""

SHOP = {
    "Service shop/web": {
        "web.shop.svc.cluster.local. A 10.96.0.80",
        "web.shop.svc.cluster.local. SRV 0 100 80 web.shop.svc.cluster.local.",
        "_http._tcp.web.shop.svc.cluster.local. SRV 0 100 80 web.shop.svc.cluster.local.",
    },
    "Service shop/db": {
        "db.shop.svc.cluster.local. A 10.244.1.5",
        "db.shop.svc.cluster.local. A 10.244.1.6",
        "db.shop.svc.cluster.local. SRV 0 50 5432 db-0.db.shop.svc.cluster.local.",
        "db.shop.svc.cluster.local. SRV 0 50 5432 10-244-1-6.db.shop.svc.cluster.local.",
        "_pg._tcp.db.shop.svc.cluster.local. SRV 0 50 5432 db-0.db.shop.svc.cluster.local.",
        "_pg._tcp.db.shop.svc.cluster.local. SRV 0 50 5432 10-244-1-6.db.shop.svc.cluster.local.",
        "db-0.db.shop.svc.cluster.local. A 10.244.1.5",
        "10-244-1-6.db.shop.svc.cluster.local. A 10.244.1.6",
    },
    "Service shop/out": {"out.shop.svc.cluster.local. CNAME www.example.com."},
    "Pod shop/job": {"10-244-1-9.shop.pod.cluster.local. A 10.244.1.9"},
}


def loaded(phase: str = "Running") -> tuple[KubernetesSettings, DnsObjects]:
    cluster = kcompile.loads(MANIFESTS % phase)
    settings = kubernetes_settings(load_cluster_corefile(cluster.model), cluster_domain(cluster.model))
    return settings, dns_objects(cluster.model, cluster.given)


def table(settings: KubernetesSettings, objects: DnsObjects) -> dict[str, set[str]]:
    """The forward records in namespace shop as "name type data", by their object."""
    found: dict[str, set[str]] = {}
    for record, source, _ in forward_records(ClusterRecords(settings, objects), "cluster.local."):
        if " shop/" in source:
            found.setdefault(source, set()).add(f"{record.name} {record.type} {record.data}")
    return found


def test_every_record_stands_with_its_object() -> None:
    assert table(*loaded()) == SHOP


def test_every_record_stands_with_the_line_of_its_object() -> None:
    entries = list(forward_records(ClusterRecords(*loaded()), "cluster.local."))
    lines = {entry.source: entry.origin.span.line for entry in entries if " shop/" in entry.source}
    assert lines == {"Service shop/web": 1, "Service shop/db": 6, "Service shop/out": 21, "Pod shop/job": 26}


def test_pointers_are_those_of_cluster_addresses_and_of_ready_endpoints() -> None:
    entries = reverse_records(ClusterRecords(*loaded()))
    assert {(e.record.name, e.record.data, e.source) for e in entries if " shop/" in e.source} == {
        ("80.0.96.10.in-addr.arpa.", "web.shop.svc.cluster.local.", "Service shop/web"),
        ("5.1.244.10.in-addr.arpa.", "db-0.db.shop.svc.cluster.local.", "EndpointSlice shop/db-a"),
        ("6.1.244.10.in-addr.arpa.", "10-244-1-6.db.shop.svc.cluster.local.", "EndpointSlice shop/db-a"),
    }


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Unknown"])
def test_a_finished_pod_has_no_record(phase: str) -> None:
    assert "Pod shop/job" not in table(*loaded(phase))


def test_settings_of_the_plugin_decide_what_is_in_it() -> None:
    settings, objects = loaded()
    assert table(replace(settings, namespaces=("default",)), objects) == {}
    assert "Pod shop/job" not in table(replace(settings, pods="disabled"), objects)
    assert "Service shop/db" not in table(replace(settings, noendpoints=True), objects)
    assert "Service shop/web" not in table(replace(settings, ignore_empty_service=True), objects)
