"""Ask a CoreDNS with a Corefile and manifests given as text."""

from __future__ import annotations

from collections.abc import Mapping

import kcompile
from kcompile.evaluate.dns.cluster_server import cluster_resolver
from kcompile.evaluate.dns.queries import Answer, Client
from kcompile.evaluate.dns.resolver import Resolver
from kcompile.evaluate.dns.zone_data import read_zone
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.source import Source

UPSTREAM = """\
example.com. 300 IN SOA ns.example.com. admin.example.com. 7 3600 600 86400 60
www.example.com. 120 IN A 192.0.2.81
www.example.com. 120 IN AAAA 2001:db8::81
alias.example.com. 60 IN CNAME www.example.com.
short.example.com. 2 IN A 192.0.2.82
long.example.com. 100000 IN A 192.0.2.83
"""

MANIFESTS = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {clusterIP: 10.96.10.10, ports: [{name: http, port: 80}, {name: https, port: 443}]}
---
apiVersion: v1
kind: Service
metadata: {name: out, namespace: default}
spec: {type: ExternalName, externalName: www.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: lb, namespace: default}
spec: {type: LoadBalancer, clusterIP: 10.96.10.11, ports: [{name: http, port: 80}], externalIPs: [203.0.113.9]}
status: {loadBalancer: {ingress: [{ip: 203.0.113.5}, {hostname: www.example.com}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: default}
spec: {containers: [{name: main, image: i}]}
status: {phase: Running, podIP: 10.244.17.1, podIPs: [{ip: 10.244.17.1}]}
"""


def server(
    corefile: str,
    manifests: str = MANIFESTS,
    *,
    files: Mapping[str, str] | None = None,
    upstream: str = UPSTREAM,
    server_addresses: tuple[str, ...] = (),
) -> Resolver:
    """The server of a Corefile; what it forwards to 192.0.2.53 is answered from `upstream`."""
    cluster = kcompile.loads(manifests)
    mounted = {name: text.encode() for name, text in (files or {}).items()}
    configuration = load_corefile(Source("Corefile", corefile.encode()), {}, Files(mounted=mounted), in_cluster=True)
    assert configuration.rejection is None, configuration.rejection
    return cluster_resolver(
        cluster.model,
        cluster.given,
        configuration,
        server_addresses=server_addresses,
        upstreams={"192.0.2.53": read_zone(upstream, ".", "upstream")},
    )


def ask(corefile: str, name: str, rtype: str = "A", client: str = "127.0.0.1", manifests: str = MANIFESTS) -> Answer:
    """The answer to one question."""
    asked = server(corefile, manifests)
    return asked.query(name, rtype, Client(address=client, port=asked.client.port))


def said(answer: Answer) -> tuple[str | None, tuple[str, ...]]:
    """What most tests look at: the code, and TTL, type and data of each record of the answer section."""
    return answer.rcode, tuple(f"{record.ttl} {record.type} {record.data}" for record in answer.answer)
