"""The short way gives the answers of the general path, for every name of a cluster and for others."""

from __future__ import annotations

import random

import pytest

import kcompile
from kcompile.evaluate.dns.cluster_server import cluster_resolver
from kcompile.evaluate.dns.queries import Client
from kcompile.evaluate.dns.resolver import Resolver
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.source import Source
from kcompile.ir.cluster_corefile import KUBEADM_COREFILE
from kcompile.ir.record_table import forward_records, reverse_records
from kcompile.model.endpoint_slice import SERVICE_NAME_LABEL

TYPES = ("A", "AAAA", "SRV", "TXT", "CNAME", "PTR", "NS", "SOA", "MX", "ANY", "HTTPS")

COREFILES = {
    "kubeadm": KUBEADM_COREFILE.format(domain="cluster.local"),
    "short cache": "cluster.local in-addr.arpa ip6.arpa {\n cache 3\n kubernetes {\n ttl 60\n pods verified\n }\n}\n",
    "cache of a part": ". {\n cache 30 svc.cluster.local\n kubernetes cluster.local\n}\n",
    "cache of another zone": ". {\n cache 1 example.org\n kubernetes cluster.local\n}\n",
    "fallthrough": (
        ". {\n loadbalance\n kubernetes cluster.local in-addr.arpa {\n fallthrough\n endpoint_pod_names\n }\n}\n"
    ),
    "rewritten": ". {\n rewrite name prefix a. b.\n kubernetes cluster.local\n}\n",
    "inner block": ". {\n kubernetes cluster.local\n}\nns-1.svc.cluster.local {\n whoami\n}\n",
}


def manifests() -> str:
    """Services of all kinds in three namespaces, single and dual stack."""
    chance = random.Random(7)
    documents = []
    for number in range(40):
        name, namespace = f"svc-{number}", f"ns-{number % 3}"
        kind = chance.choice(["cluster", "headless", "dual", "external", "bare"])
        address = {"headless": "None", "dual": f"10.96.1.{number}", "cluster": f"10.96.0.{number}"}.get(kind, "")
        spec = f"clusterIP: {address}" if address else f"clusterIP: 10.96.2.{number}"
        if kind == "dual":
            spec += f", clusterIPs: [{address}, 'fd00::{number:x}'], ipFamilyPolicy: RequireDualStack"
        if kind == "external":
            spec = f"type: ExternalName, externalName: svc-{number + 1}.{namespace}.svc.cluster.local"
        if kind != "external":
            spec += ", ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}]"
        documents.append(
            f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{{spec}}}\n"
        )
        if kind in ("headless", "cluster"):
            hostname = f", hostname: pod-{number}" if number % 2 else ""
            documents.append(
                "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n"
                f"metadata: {{name: {name}-a, namespace: {namespace}, labels: {{{SERVICE_NAME_LABEL}: {name}}}}}\n"
                f"endpoints: [{{addresses: [10.244.{number}.1]{hostname}}}, {{addresses: [10.244.{number}.2]}}]\n"
                "ports: [{name: http, port: 8080}, {name: dns, port: 5353, protocol: UDP}]\n"
            )
    return "---\n".join(documents)


def resolver(corefile: str) -> Resolver:
    cluster = kcompile.loads(manifests())
    configuration = load_corefile(Source("Corefile", corefile.encode()), {}, Files(mounted={}), in_cluster=True)
    assert configuration.rejection is None
    return cluster_resolver(cluster.model, cluster.given, configuration, client=Client(port=53))


def names(there: Resolver) -> list[str]:
    (plugin,) = (block.kubernetes for block in there.server.blocks if block.kubernetes)
    assert plugin is not None
    entries = [*forward_records(plugin.records, "cluster.local."), *reverse_records(plugin.records)]
    found = list(dict.fromkeys(entry.record.name for entry in entries))
    found += ["cluster.local", "svc.cluster.local", "ns-1.svc.cluster.local", "no.svc.cluster.local", "in-addr.arpa"]
    found += ["dns-version.cluster.local", "ns.dns.cluster.local", "x.y.z.svc-1.ns-1.svc.cluster.local", "example.org"]
    found += [name.upper() for name in found[::7]] + [f"no.{name}" for name in found[::5]]
    return [*found, "10-1-2-3.ns-1.pod.cluster.local", "a..b", "localhost", "."]


@pytest.mark.parametrize("corefile", COREFILES)
def test_the_short_way_answers_as_the_general_path(corefile: str) -> None:
    general, short = resolver(COREFILES[corefile]), resolver(COREFILES[corefile])
    asked = [(name, rtype) for name in names(general) for rtype in TYPES]
    found = short.query_many([name for name, _ in asked], [rtype for _, rtype in asked])
    for (name, rtype), answer in zip(asked, found, strict=True):
        assert answer == general.query(name, rtype, general.client), (name, rtype)


def test_the_short_way_is_taken_where_nothing_stands_before_the_plugin() -> None:
    taken = {name for name, text in COREFILES.items() if resolver(text)._direct}
    assert taken == {"kubeadm", "short cache", "cache of another zone", "fallthrough"}
