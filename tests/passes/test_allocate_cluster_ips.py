"""Cluster IPs: what is given is kept, what is allocated depends on the Service's own name."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from kcompile.model import Cluster, ClusterConfiguration, Service
from kcompile.passes.addresses import parse_address, parse_cidr
from kcompile.passes.pipeline import complete
from tests.passes.objects import completed, errors, port, service, service_cidr, warnings


def cluster_ips(cluster: Cluster) -> dict[str, tuple[str, ...]]:
    return {s.meta.name: s.cluster_ips for s in completed(cluster).services}


def named(names: Iterable[str]) -> tuple[Service, ...]:
    return tuple(service(name) for name in names)


def test_an_address_is_that_of_the_name() -> None:
    """A change here would change the addresses of every user."""
    assert cluster_ips(Cluster(services=named(["web", "db"]))) == {
        "db": ("10.105.196.157",),
        "web": ("10.111.193.132",),
    }


def test_kubernetes_and_kube_dns_have_their_own_addresses() -> None:
    kube_dns = service("kube-dns", port(53, protocol="UDP"), namespace="kube-system")
    assert cluster_ips(Cluster(services=(service("kubernetes"), kube_dns))) == {
        "kubernetes": ("10.96.0.1",),
        "kube-dns": ("10.96.0.10",),
    }


def test_a_name_alone_makes_no_kube_dns() -> None:
    assert cluster_ips(Cluster(services=named(["kube-dns"])))["kube-dns"] != ("10.96.0.10",)


def test_given_addresses_win_whoever_comes_first() -> None:
    taken = cluster_ips(Cluster(services=named(["web"])))["web"][0]
    found = cluster_ips(Cluster(services=(service("web"), service("zoo", cluster_ip=taken))))
    assert found["zoo"] == (taken,)
    assert found["web"] != (taken,)


def test_a_taken_address_of_kube_dns_is_not_given_twice() -> None:
    kube_dns = service("kube-dns", namespace="kube-system")
    found = cluster_ips(Cluster(services=(kube_dns, service("other", cluster_ip="10.96.0.10"))))
    assert found["kube-dns"] != ("10.96.0.10",)


def test_an_address_outside_of_every_range_is_kept_with_a_warning_where_the_ranges_are_known() -> None:
    odd = service("web", cluster_ip="192.0.2.7")
    assert cluster_ips(Cluster(services=(odd,))) == {"web": ("192.0.2.7",)}
    assert complete(Cluster(services=(odd,)))[1] == ()
    cluster, diagnostics = complete(Cluster(services=(odd,), service_cidrs=(service_cidr("10.96.0.0/12"),)))
    assert cluster.services[0].cluster_ips == ("192.0.2.7",)
    assert warnings(diagnostics) == ["cluster-ip-range spec.clusterIPs[0]"]


def test_each_family_has_its_address() -> None:
    ranges = ("10.0.0.0/24", "fd00:1::/112")
    dual = service("web", ip_family_policy="PreferDualStack")
    half = service("half", cluster_ip="fd00:1::7", ip_family_policy="RequireDualStack")
    found = cluster_ips(Cluster(services=(dual, half), service_cidrs=(service_cidr(*ranges),)))
    for addresses, families in ((found["web"], ranges), (found["half"], reversed(ranges))):
        for text, cidr in zip(addresses, families, strict=True):
            assert parse_address(text) in parse_cidr(cidr)  # type: ignore[operator]
    assert found["half"][0] == "fd00:1::7"


def test_headless_and_external_names_have_none() -> None:
    found = cluster_ips(
        Cluster(
            services=(service("a", cluster_ip="None"), service("b", type="ExternalName", external_name="x.example"))
        )
    )
    assert found == {"a": ("None",), "b": ()}


def test_the_addresses_come_from_kubeadms_subnet() -> None:
    config = ClusterConfiguration(service_subnet="172.20.0.0/29")
    found = cluster_ips(Cluster(services=named("abcde"), cluster_configuration=config))
    assert {a for addresses in found.values() for a in addresses} == {f"172.20.0.{n}" for n in range(2, 7)}


def test_a_full_range_is_an_error_that_says_so() -> None:
    config = ClusterConfiguration(service_subnet="172.20.0.0/29")
    diagnostics = complete(Cluster(services=named("abcdefg"), cluster_configuration=config))[1]
    assert errors(diagnostics) == ["range-exhausted spec.clusterIPs"] * 2


def test_a_second_service_cidr_is_used_when_the_first_is_full() -> None:
    cidrs = (service_cidr("172.20.0.0/29"), service_cidr("172.21.0.0/24", name="more"))
    found = cluster_ips(Cluster(services=named("abcdefg"), service_cidrs=cidrs))
    assert sum(addresses[0].startswith("172.21.") for addresses in found.values()) == 2


def test_the_network_and_broadcast_addresses_are_never_given() -> None:
    config = ClusterConfiguration(service_subnet="172.20.0.0/26")
    found = cluster_ips(Cluster(services=named(f"s{n}" for n in range(61)), cluster_configuration=config))
    numbers = {int(addresses[0].rpartition(".")[2]) for addresses in found.values()}
    assert numbers == set(range(2, 63))


@given(st.sets(st.text("abcdefgh", min_size=1, max_size=8), max_size=12), st.text("abcdefgh", min_size=1, max_size=8))
def test_adding_a_service_moves_no_other_unless_they_collide(names: set[str], new: str) -> None:
    before = cluster_ips(Cluster(services=named(names)))
    after = cluster_ips(Cluster(services=named(names | {new})))
    alone = {name: cluster_ips(Cluster(services=named([name])))[name] for name in names | {new}}
    if len(set(alone.values())) == len(alone):
        assert before == {name: alone[name] for name in names}
        assert after == alone
