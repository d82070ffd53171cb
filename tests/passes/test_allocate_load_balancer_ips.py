"""Load-balancer addresses from MetalLB's pools."""

from __future__ import annotations

from typing import Any

import pytest

from kcompile.model import Cluster, IPAddressPool, LoadBalancerIngress, Service
from kcompile.passes.pipeline import complete
from tests.passes.objects import completed, pool, port, service, service_cidr, warnings

POOL = pool("192.0.2.0/28", "192.0.2.100-192.0.2.101")
DUAL = (service_cidr("10.96.0.0/12", "fd00:10:96::/108"),)


def balancer(name: str, **fields: Any) -> Service:
    return service(name, type="LoadBalancer", **fields)


def found(pools: tuple[IPAddressPool, ...], *services: Service, **rest: Any) -> dict[str, tuple[str, ...]]:
    cluster = completed(Cluster(services=services, address_pools=pools, **rest))
    return {s.meta.name: tuple(i.ip for i in s.ingress) for s in cluster.services}


def test_without_a_pool_a_service_stays_pending() -> None:
    assert found((), balancer("a")) == {"a": ()}


def test_a_pool_gives_an_address_of_its_own_to_each_service() -> None:
    addresses = found((POOL,), *(balancer(f"s{n}") for n in range(18)), service("web"))
    assert addresses.pop("web") == ()
    expected = {f"192.0.2.{n}" for n in (*range(16), 100, 101)}
    assert {a for own in addresses.values() for a in own} == expected


def test_an_address_is_that_of_the_name() -> None:
    assert found((POOL,), balancer("a"), balancer("b"))["a"] == found((POOL,), balancer("a"))["a"]


def test_an_address_from_a_pool_is_a_vip() -> None:
    (ingress,) = completed(Cluster(services=(balancer("a"),), address_pools=(POOL,))).services[0].ingress
    assert ingress.ip_mode == "VIP"


def test_a_full_pool_leaves_the_service_pending_and_says_so() -> None:
    services = (balancer("a"), balancer("b"))
    cluster, diagnostics = complete(Cluster(services=services, address_pools=(pool("192.0.2.7/32"),)))
    assert sorted(len(s.ingress) for s in cluster.services) == [0, 1]
    assert warnings(diagnostics) == ["pending status.loadBalancer"]


@pytest.mark.parametrize(
    "fields",
    [
        {"load_balancer_class": "example.com/lb"},
        {"ingress": (LoadBalancerIngress(hostname="lb.example.com"),)},
    ],
)
def test_another_controllers_service_is_left_alone(fields: dict[str, Any]) -> None:
    assert found((POOL,), balancer("a", **fields)) in ({"a": ()}, {"a": ("",)})


@pytest.mark.parametrize(
    "fields",
    [
        {"load_balancer_ip": "192.0.2.5"},
        {"annotations": {"metallb.io/loadBalancerIPs": "192.0.2.5"}},
        {"annotations": {"metallb.universe.tf/loadBalancerIPs": " 192.0.2.5"}},
    ],
)
def test_a_requested_address_is_granted_and_never_given_to_another(fields: dict[str, Any]) -> None:
    addresses = found((POOL,), balancer("zoo", **fields), *(balancer(f"s{n}") for n in range(17)))
    assert addresses["zoo"] == ("192.0.2.5",)
    assert sum(own == ("192.0.2.5",) for own in addresses.values()) == 1


@pytest.mark.parametrize("asked", ["198.51.100.1", "192.0.2.5,198.51.100.1", "192.0.2.300"])
def test_an_address_that_no_pool_holds_is_not_granted(asked: str) -> None:
    asking = balancer("a", annotations={"metallb.io/loadBalancerIPs": asked})
    cluster, diagnostics = complete(Cluster(services=(asking,), address_pools=(POOL,)))
    assert cluster.services[0].ingress == ()
    assert warnings(diagnostics) == ["pending status.loadBalancer"]


def test_a_requested_address_is_shared_only_by_those_who_agree() -> None:
    def asking(name: str, number: int, key: str) -> Service:
        annotations = {"metallb.io/allow-shared-ip": key} if key else {}
        return service(name, port(number), type="LoadBalancer", load_balancer_ip="192.0.2.5", annotations=annotations)

    assert found((POOL,), asking("a", 80, "k"), asking("b", 81, "k")) == {"a": ("192.0.2.5",), "b": ("192.0.2.5",)}
    assert found((POOL,), asking("a", 80, "k"), asking("b", 80, "k"))["b"] == ()
    assert found((POOL,), asking("a", 80, ""), asking("b", 81, ""))["b"] == ()


def test_a_pool_without_auto_assign_is_for_those_who_name_it() -> None:
    special = pool("198.51.100.0/24", name="special", auto_assign=False)
    naming = balancer("a", annotations={"metallb.io/address-pool": "special"})
    addresses = found((special,), naming, balancer("b"))
    assert addresses["a"][0].startswith("198.51.100.")
    assert addresses["b"] == ()


@pytest.mark.parametrize(
    ("policy", "ranges", "families"),
    [
        ("SingleStack", ("192.0.2.0/24", "2001:db8::/64"), [False]),
        ("PreferDualStack", ("192.0.2.0/24", "2001:db8::/64"), [False, True]),
        ("PreferDualStack", ("192.0.2.0/24",), [False]),
        ("RequireDualStack", ("192.0.2.0/24", "2001:db8::/64"), [False, True]),
        ("RequireDualStack", ("192.0.2.0/24",), []),
    ],
)
def test_the_addresses_have_the_services_families(policy: str, ranges: tuple[str, ...], families: list[bool]) -> None:
    addresses = found((pool(*ranges),), balancer("a", ip_family_policy=policy), service_cidrs=DUAL)["a"]
    assert [":" in address for address in addresses] == families
