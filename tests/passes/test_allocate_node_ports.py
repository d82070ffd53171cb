"""Node ports and health-check node ports."""

from __future__ import annotations

from kcompile.model import Cluster, Service
from kcompile.passes.pipeline import complete
from tests.passes.objects import completed, errors, port, service


def found(*services: Service) -> dict[str, list[int]]:
    return {s.meta.name: [p.node_port for p in s.ports] for s in completed(Cluster(services=services)).services}


def test_node_port_and_load_balancer_services_get_node_ports_of_their_name() -> None:
    one = found(service("a", type="NodePort"), service("b", type="LoadBalancer"), service("c"))
    assert one["c"] == [0]
    assert all(30000 <= number <= 32767 for number in one["a"] + one["b"])
    assert found(service("a", type="NodePort")) == {"a": one["a"]}


def test_a_load_balancer_may_go_without_node_ports() -> None:
    ports = (port(80, name="a"), port(81, name="b", node_port=30081))
    assert found(service("a", *ports, type="LoadBalancer", allocate_load_balancer_node_ports=False)) == {
        "a": [0, 30081]
    }


def test_one_port_number_with_two_protocols_shares_a_node_port() -> None:
    dns = (port(53, name="dns", protocol="UDP"), port(53, name="dns-tcp"), port(9153, name="metrics"))
    numbers = found(service("dns", *dns, type="NodePort"))["dns"]
    assert numbers[0] == numbers[1] != numbers[2]


def test_a_given_node_port_is_shared_with_the_other_protocol() -> None:
    dns = (port(53, name="dns", protocol="UDP"), port(53, name="dns-tcp", node_port=30053))
    assert found(service("dns", *dns, type="NodePort")) == {"dns": [30053, 30053]}


def test_a_given_node_port_wins_over_an_allocated_one() -> None:
    number = found(service("a", type="NodePort"))["a"][0]
    both = found(service("a", type="NodePort"), service("b", port(80, node_port=number), type="NodePort"))
    assert both["b"] == [number]
    assert both["a"] != [number]


def test_external_policy_local_needs_a_health_check_node_port() -> None:
    local = {"type": "LoadBalancer", "external_traffic_policy": "Local"}
    given = service("given", **local, health_check_node_port=31000)
    cluster = completed(Cluster(services=(service("a", **local), given, service("b", type="LoadBalancer"))))
    numbers = {s.meta.name: s.health_check_node_port for s in cluster.services}
    assert numbers["given"] == 31000
    assert numbers["b"] == 0
    assert 30000 <= numbers["a"] <= 32767
    everything = [n for s in cluster.services for n in (s.health_check_node_port, *(p.node_port for p in s.ports)) if n]
    assert len(set(everything)) == len(everything)


def test_when_the_range_is_used_up_the_error_says_so() -> None:
    many = tuple(service(f"s{n}", type="NodePort") for n in range(2769))
    assert len(completed(Cluster(services=many[1:])).services) == 2768
    assert errors(complete(Cluster(services=many))[1]) == ["range-exhausted spec.ports[0].nodePort"]


def test_numbers_that_people_choose_by_hand_are_used_last() -> None:
    many = tuple(service(f"s{n}", type="NodePort") for n in range(500))
    assert all(number[0] >= 30086 for number in found(*many).values())
