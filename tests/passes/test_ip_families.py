"""IP families of Services, as the API server decides them."""

from __future__ import annotations

from typing import Any

import pytest

from kcompile.model import Cluster, ClusterConfiguration
from kcompile.passes.defaults import default_objects
from kcompile.passes.ip_families import complete_ip_families
from tests.passes.objects import errors, service, service_cidr

SINGLE = (service_cidr("10.96.0.0/12"),)
DUAL = (service_cidr("10.96.0.0/12", "fd00:10:96::/108"),)
DUAL6 = (service_cidr("fd00:10:96::/108", "10.96.0.0/12"),)
ONLY6 = (service_cidr("fd00:10:96::/108"),)

BOTH = ("IPv4", "IPv6")
HEADLESS = {"cluster_ip": "None"}
SELECTED = {"cluster_ip": "None", "selector": {"app": "web"}}

DECIDED: list[tuple[Any, dict[str, Any], str, tuple[str, ...]]] = [
    (SINGLE, {}, "SingleStack", ("IPv4",)),
    (DUAL, {}, "SingleStack", ("IPv4",)),
    (DUAL6, {}, "SingleStack", ("IPv6",)),
    (ONLY6, {}, "SingleStack", ("IPv6",)),
    (DUAL, {"ip_families": ("IPv6",)}, "SingleStack", ("IPv6",)),
    (DUAL, {"cluster_ip": "fd00::7"}, "SingleStack", ("IPv6",)),
    (SINGLE, {"ip_family_policy": "PreferDualStack"}, "PreferDualStack", ("IPv4",)),
    (DUAL, {"ip_family_policy": "PreferDualStack"}, "PreferDualStack", BOTH),
    (DUAL6, {"ip_family_policy": "PreferDualStack"}, "PreferDualStack", ("IPv6", "IPv4")),
    (DUAL, {"ip_family_policy": "PreferDualStack", "ip_families": ("IPv6",)}, "PreferDualStack", ("IPv6", "IPv4")),
    (DUAL, {"ip_family_policy": "PreferDualStack", "cluster_ip": "10.96.0.9"}, "PreferDualStack", BOTH),
    (DUAL, {"ip_family_policy": "RequireDualStack"}, "RequireDualStack", BOTH),
    (DUAL, SELECTED, "SingleStack", ("IPv4",)),
    (DUAL, {**SELECTED, "ip_family_policy": "RequireDualStack"}, "RequireDualStack", BOTH),
    # Headless without a selector: both families, on any cluster.
    (SINGLE, HEADLESS, "RequireDualStack", BOTH),
    (DUAL, HEADLESS, "RequireDualStack", BOTH),
    (ONLY6, HEADLESS, "RequireDualStack", ("IPv6", "IPv4")),
    (SINGLE, {**HEADLESS, "ip_family_policy": "SingleStack"}, "SingleStack", ("IPv4",)),
    (SINGLE, {**HEADLESS, "ip_families": ("IPv6",), "ip_family_policy": "SingleStack"}, "SingleStack", ("IPv6",)),
    # What a dump holds is kept: it was made when the cluster was set up in another way.
    (
        SINGLE,
        {"cluster_ip": "10.96.0.9", "cluster_ips": ("10.96.0.9", "fd00::9")},
        "RequireDualStack",
        BOTH,
    ),
    (
        DUAL,
        {"cluster_ip": "10.96.0.9", "ip_families": ("IPv4",), "ip_family_policy": "PreferDualStack"},
        "PreferDualStack",
        ("IPv4",),
    ),
    (SINGLE, {**SELECTED, "ip_families": BOTH, "ip_family_policy": "PreferDualStack"}, "PreferDualStack", BOTH),
    (SINGLE, {"cluster_ip": "fd00::9", "ip_families": ("IPv6",)}, "SingleStack", ("IPv6",)),
]


@pytest.mark.parametrize(("cidrs", "fields", "policy", "families"), DECIDED, ids=[str(n) for n in range(len(DECIDED))])
def test_policy_and_families_follow_from_the_cluster(
    cidrs: Any, fields: dict[str, Any], policy: str, families: tuple[str, ...]
) -> None:
    cluster = default_objects(Cluster(services=(service("web", **fields),), service_cidrs=cidrs))[0]
    completed, diagnostics = complete_ip_families(cluster)
    assert errors(diagnostics) == []
    (found,) = completed.services
    assert (found.ip_family_policy, found.ip_families) == (policy, families)


@pytest.mark.parametrize(
    ("cidrs", "fields", "expected"),
    [
        (SINGLE, {"ip_family_policy": "RequireDualStack"}, "ip-family spec.ipFamilyPolicy"),
        (SINGLE, {"ip_families": ("IPv6",)}, "ip-family spec.ipFamilies[0]"),
        (ONLY6, {"ip_families": ("IPv4",)}, "ip-family spec.ipFamilies[0]"),
        (DUAL, {"ip_families": BOTH}, "ip-family spec.ipFamilyPolicy"),
        (DUAL, {"ip_families": BOTH, "ip_family_policy": "SingleStack"}, "ip-family spec.ipFamilyPolicy"),
    ],
)
def test_what_the_cluster_does_not_have_is_refused(cidrs: Any, fields: dict[str, Any], expected: str) -> None:
    cluster = default_objects(Cluster(services=(service("web", **fields),), service_cidrs=cidrs))[0]
    assert errors(complete_ip_families(cluster)[1]) == [expected]


def families_of(cluster: Cluster) -> dict[str, tuple[str, ...]]:
    return {s.meta.name: s.ip_families for s in complete_ip_families(default_objects(cluster)[0])[0].services}


def test_kubeadms_service_subnet_decides_without_service_cidrs() -> None:
    cluster = Cluster(
        services=(service("web", ip_family_policy="PreferDualStack"),),
        cluster_configuration=ClusterConfiguration(service_subnet="fd00:10:96::/112,10.96.0.0/16"),
    )
    assert families_of(cluster) == {"web": ("IPv6", "IPv4")}


@pytest.mark.parametrize(
    ("proof", "families"),
    [
        ({}, ("IPv4",)),
        ({"ip_families": ("IPv6",)}, BOTH),
        ({"ip_family_policy": "RequireDualStack"}, BOTH),
        ({"cluster_ip": "fd00::7"}, ("IPv6",)),
        ({"cluster_ip": "10.96.0.7", "cluster_ips": ("10.96.0.7", "fd00::7")}, BOTH),
        ({"cluster_ip": "10.96.0.7"}, ("IPv4",)),
        (HEADLESS, ("IPv4",)),
    ],
)
def test_without_a_range_the_services_show_the_clusters_families(
    proof: dict[str, Any], families: tuple[str, ...]
) -> None:
    asking = service("asking", ip_family_policy="PreferDualStack")
    assert families_of(Cluster(services=(asking, service("proof", **proof))))["asking"] == families


def test_the_primary_family_is_that_of_the_api_servers_service() -> None:
    kubernetes = service("kubernetes", cluster_ip="fd00::1")
    other = service("other", cluster_ip="10.96.0.7")
    cluster = Cluster(services=(kubernetes, other, service("web")))
    assert families_of(cluster)["web"] == ("IPv6",)
