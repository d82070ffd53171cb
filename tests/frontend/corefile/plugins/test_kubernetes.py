"""The kubernetes plugin and those that lean on it."""

from __future__ import annotations

import pytest

from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.label_selector import LabelSelector, Requirement
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.corefile.plugins.autopath import AutopathSettings
from kcompile.frontend.corefile.plugins.k8s_external import K8sExternalSettings
from kcompile.frontend.corefile.plugins.kubernetes import KubernetesSettings
from kcompile.frontend.source import Source
from tests.frontend.corefile.reading import load, rejection, settings


def test_defaults_and_zones_from_the_keys() -> None:
    assert settings("kubernetes", key="Cluster.Local 10.0.0.0/8") == KubernetesSettings(
        ("cluster.local.", "10.in-addr.arpa."), "cluster.local."
    )


def test_every_option() -> None:
    text = """\
kubernetes 10.0.0.0/15 cluster.local {
    namespaces a b
    namespaces c
    labels app=web,!old
    pods verified
    endpoint_pod_names
    ttl 3600
    noendpoints
    ignore empty_service
    fallthrough in-addr.arpa 10.0.0.0/8
    endpoint http://api:8080 more
    startup_timeout 1m
    multicluster cluster.local
}"""
    assert settings(text) == KubernetesSettings(
        zones=("0.10.in-addr.arpa.", "1.10.in-addr.arpa.", "cluster.local."),
        primary_zone="cluster.local.",
        namespaces=frozenset("abc"),
        labels=LabelSelector((Requirement("app", "In", ("web",)), Requirement("old", "DoesNotExist"))),
        pods="verified",
        endpoint_pod_names=True,
        fallthrough=("in-addr.arpa.", "10.in-addr.arpa."),
        ttl=3600,
        ignore_empty_service=True,
        noendpoints=True,
        multicluster_zones=("cluster.local.",),
        endpoint="http://api:8080",
        startup_timeout_seconds=60.0,
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ttl 3601", "Corefile:3 - Error during parsing: ttl must be in range [0, 3600]: 3601"),
        ("ttl x", 'strconv.Atoi: parsing "x": invalid syntax'),
        ("pods maybe", "wrong value for pods: maybe,  must be one of: disabled, verified, insecure"),
        ("pods", "Corefile:3 - Error during parsing: Wrong argument count or unexpected line ending after 'pods'"),
        ("labels a!=b", None),
        ("upstream", "Corefile:3 - Error during parsing: unknown property 'upstream'"),
        ("tls a b", None),
        ("ignore x", "unable to parse ignore value: 'x'"),
        ("multicluster other", None),
        ("namespaces a\nnamespace_labels b", None),
    ],
)
def test_what_is_refused(line: str, message: str | None) -> None:
    found = rejection(f"kubernetes cluster.local {{\n{line}\n}}")
    assert found.startswith("plugin/kubernetes: ")
    assert message is None or found == f"plugin/kubernetes: {message}"


def test_a_zone_that_is_no_reverse_zone_is_needed() -> None:
    assert rejection("kubernetes 10.0.0.0/8") == "plugin/kubernetes: non-reverse zone name must be used"


def test_outside_of_a_cluster_the_api_server_is_not_found() -> None:
    source = Source("Corefile", b". {\n kubernetes cluster.local\n}\n")
    outside = load_corefile(source, {}, Files()).rejection
    assert outside
    assert outside.text.startswith("plugin/kubernetes: unable to load in-cluster configuration")
    assert load_corefile(source, {}, Files(), in_cluster=True).rejection is None


def test_k8s_external() -> None:
    text = "k8s_external Example.org {\n ttl 60\n apex ns\n headless\n fallthrough\n}\nkubernetes cluster.local"
    configuration = load(f". {{\n{text}\n}}\n")
    assert configuration.rejection is None
    plugin = configuration.servers[0].plugin("k8s_external")
    assert plugin
    assert plugin.settings == K8sExternalSettings(("example.org.",), "ns", 60, headless=True, fallthrough=(".",))


def test_autopath() -> None:
    assert settings("autopath @kubernetes") == AutopathSettings((".",), "kubernetes", ())
    files = {"resolv.conf": b"search a.example B.example.\n"}
    expected = AutopathSettings(("x.", "y."), None, ("a.example.", "b.example."))
    assert settings("autopath x y resolv.conf", files) == expected
    assert rejection("autopath") == "plugin/autopath: no resolv-conf specified"
