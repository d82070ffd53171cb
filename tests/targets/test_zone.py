"""Master files with the records of a cluster."""

from __future__ import annotations

import kcompile
from kcompile.evaluate.dns.cluster_server import cluster_resolver
from kcompile.evaluate.dns.zone_data import read_zone
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.corefile.plugins.kubernetes import KubernetesSettings
from kcompile.frontend.source import Source
from kcompile.ir.cluster_corefile import cluster_domain, kubernetes_settings, load_cluster_corefile
from kcompile.ir.dns_objects import dns_objects
from kcompile.targets.zone import zone_file_name, zones

MANIFESTS = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.80, ports: [{name: http, port: 80}, {port: 443, name: https}]}
---
apiVersion: v1
kind: Service
metadata: {name: six}
spec:
  clusterIP: 10.96.0.81
  clusterIPs: [10.96.0.81, "fd00:96::81"]
  ipFamilyPolicy: RequireDualStack
  ports: [{port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: None, ports: [{name: pg, port: 5432}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-a, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
endpoints: [{addresses: [10.244.1.5], hostname: db-0}, {addresses: [10.245.1.6]}]
ports: [{name: pg, port: 5432}]
---
apiVersion: v1
kind: Service
metadata: {name: out}
spec: {type: ExternalName, externalName: www.example.com}
"""


def made(settings: KubernetesSettings | None = None) -> dict[str, tuple[str, bytes]]:
    cluster = kcompile.loads(MANIFESTS)
    domain = cluster_domain(cluster.model)
    settings = settings or kubernetes_settings(load_cluster_corefile(cluster.model), domain)
    return dict(zones(dns_objects(cluster.model, cluster.given), settings, ("10.96.0.10", "fd00:96::a")))


def test_the_forward_zone_comes_first_and_reverse_zones_are_those_of_the_networks_in_use() -> None:
    assert {origin: name for origin, (name, _) in made().items()} == {
        "cluster.local.": "cluster.local.zone",
        "244.10.in-addr.arpa.": "244.10.in-addr.arpa.zone",
        "245.10.in-addr.arpa.": "245.10.in-addr.arpa.zone",
        "96.10.in-addr.arpa.": "96.10.in-addr.arpa.zone",
        "0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa.": "0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa.zone",
    }
    assert next(iter(made())) == "cluster.local."


def test_the_forward_zone_to_the_letter() -> None:
    text = made()["cluster.local."][1].decode().replace("\t", " ")
    assert (
        text
        == """\
$ORIGIN cluster.local.
$TTL 30
cluster.local. 30 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 30
cluster.local. 30 IN NS ns.dns.cluster.local.
ns.dns.cluster.local. 30 IN A 10.96.0.10
ns.dns.cluster.local. 30 IN AAAA fd00:96::a
dns-version.cluster.local. 28800 IN TXT "1.1.0"
out.default.svc.cluster.local. 30 IN CNAME www.example.com.
six.default.svc.cluster.local. 30 IN A 10.96.0.81
six.default.svc.cluster.local. 30 IN AAAA fd00:96::81
six.default.svc.cluster.local. 30 IN SRV 0 50 80 six.default.svc.cluster.local.
web.default.svc.cluster.local. 30 IN A 10.96.0.80
web.default.svc.cluster.local. 30 IN SRV 0 50 443 web.default.svc.cluster.local.
web.default.svc.cluster.local. 30 IN SRV 0 50 80 web.default.svc.cluster.local.
_http._tcp.web.default.svc.cluster.local. 30 IN SRV 0 100 80 web.default.svc.cluster.local.
_https._tcp.web.default.svc.cluster.local. 30 IN SRV 0 100 443 web.default.svc.cluster.local.
db.shop.svc.cluster.local. 30 IN A 10.244.1.5
db.shop.svc.cluster.local. 30 IN A 10.245.1.6
db.shop.svc.cluster.local. 30 IN SRV 0 50 5432 10-245-1-6.db.shop.svc.cluster.local.
db.shop.svc.cluster.local. 30 IN SRV 0 50 5432 db-0.db.shop.svc.cluster.local.
10-245-1-6.db.shop.svc.cluster.local. 30 IN A 10.245.1.6
_pg._tcp.db.shop.svc.cluster.local. 30 IN SRV 0 50 5432 10-245-1-6.db.shop.svc.cluster.local.
_pg._tcp.db.shop.svc.cluster.local. 30 IN SRV 0 50 5432 db-0.db.shop.svc.cluster.local.
db-0.db.shop.svc.cluster.local. 30 IN A 10.244.1.5
"""
    )


def test_a_reverse_zone_to_the_letter() -> None:
    text = made()["244.10.in-addr.arpa."][1].decode().replace("\t", " ")
    assert (
        text
        == """\
$ORIGIN 244.10.in-addr.arpa.
$TTL 30
244.10.in-addr.arpa. 30 IN SOA ns.dns.244.10.in-addr.arpa. hostmaster.244.10.in-addr.arpa. 1 7200 1800 86400 30
244.10.in-addr.arpa. 30 IN NS ns.dns.244.10.in-addr.arpa.
ns.dns.244.10.in-addr.arpa. 30 IN A 10.96.0.10
ns.dns.244.10.in-addr.arpa. 30 IN AAAA fd00:96::a
5.1.244.10.in-addr.arpa. 30 IN PTR db-0.db.shop.svc.cluster.local.
"""
    )


def test_settings_of_the_plugin_count() -> None:
    settings = KubernetesSettings(("k8s.example.",), "k8s.example.", frozenset({"shop"}), ttl=7)
    text = made(settings)["k8s.example."][1].decode()
    assert "db.shop.svc.k8s.example.\t7\t" in text
    assert ".default." not in text


def test_file_names_are_safe() -> None:
    assert zone_file_name("a/../b\\032.example.") == "a_.._b_032.example.zone"
    assert zone_file_name(".") == "root.zone"


def test_served_as_files_the_zones_answer_as_the_plugin_does() -> None:
    """Each record of a zone, asked of a CoreDNS with the file plugin and of one with the kubernetes plugin."""
    cluster = kcompile.loads(MANIFESTS)
    files = dict(made().values())
    lines = "".join(f"file /etc/coredns/{name} {origin}\n" for origin, (name, _) in made().items())
    source = Source("Corefile", f". {{\n{lines}}}\n".encode())
    configuration = load_corefile(source, {}, Files(mounted=files), in_cluster=True)
    static = cluster_resolver(cluster.model, configuration=configuration)
    live = cluster_resolver(cluster.model, cluster.given)
    asked = 0
    for origin, (name, text) in made().items():
        for owner, types in read_zone(text.decode(), origin, name).names.items():
            for rtype in types:
                if owner == origin or owner.startswith("ns.dns."):
                    continue
                asked += 1
                wanted = {record._replace(ttl=0) for record in live.query(owner, rtype).answer}
                assert {record._replace(ttl=0) for record in static.query(owner, rtype).answer} == wanted, (
                    owner,
                    rtype,
                )
    assert asked > 15
