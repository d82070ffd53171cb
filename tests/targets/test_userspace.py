"""The userspace mode, held against what release 1.25's pkg/proxy/userspace wrote."""

from __future__ import annotations

from dataclasses import replace

from kcompile.ir.plan import EndpointInfo, NodePlan, ServicePortInfo
from kcompile.model import KubeProxyConfiguration
from kcompile.targets import userspace
from tests.targets.plans import LOCAL, NODE_IP, REMOTE, WEB, node_plan, web

COMMON = "-m comment --comment ns1/web:http -p tcp -m tcp"


def rules(plan: NodePlan, chain: str) -> list[str]:
    lines = userspace.restore(plan, (4,)).decode().splitlines()
    return [line.removeprefix(f"-A {chain} ") for line in lines if line.startswith(f"-A {chain} ")]


def number(plan: NodePlan, service: ServicePortInfo = WEB) -> int:
    [found] = [proxy.number for proxy in userspace.proxies(plan, (4,)) if proxy.service_port.name == service.name]
    return found


def test_a_cluster_ip_leads_to_the_proxy_port() -> None:
    plan = node_plan("userspace", web())
    port = number(plan)
    assert rules(plan, "KUBE-PORTALS-CONTAINER") == [
        f"{COMMON} --dport 80 -d 10.96.0.10/32 -j REDIRECT --to-ports {port}"
    ]
    assert rules(plan, "KUBE-PORTALS-HOST") == [
        f"{COMMON} --dport 80 -d 10.96.0.10/32 -j DNAT --to-destination {NODE_IP}:{port}"
    ]


def test_a_load_balancers_address_is_a_portal_like_the_cluster_ip() -> None:
    plan = node_plan("userspace", web(load_balancer_vips=("203.0.113.10",)))
    [cluster, balancer] = rules(plan, "KUBE-PORTALS-CONTAINER")
    assert balancer == cluster.replace("10.96.0.10", "203.0.113.10")


def test_an_external_ip_is_taken_from_off_the_node_and_where_it_is_local() -> None:
    plan = node_plan("userspace", web(external_ips=("198.51.100.7",)))
    port = number(plan)
    match = f"{COMMON} --dport 80 -d 198.51.100.7/32"
    assert rules(plan, "KUBE-PORTALS-CONTAINER")[1:] == [
        f"{match} -m physdev ! --physdev-is-in -j REDIRECT --to-ports {port}",
        f"{match} -m addrtype --dst-type LOCAL -j REDIRECT --to-ports {port}",
    ]
    assert rules(plan, "KUBE-PORTALS-HOST")[1:] == [
        f"{match} -m addrtype --dst-type LOCAL -j DNAT --to-destination {NODE_IP}:{port}"
    ]


def test_a_node_port_is_let_through_the_filter_by_its_proxy_port() -> None:
    plan = node_plan("userspace", web(node_port=30080))
    port = number(plan)
    assert rules(plan, "KUBE-NODEPORT-CONTAINER") == [f"{COMMON} --dport 30080 -j REDIRECT --to-ports {port}"]
    assert rules(plan, "KUBE-NODEPORT-HOST") == [f"{COMMON} --dport 30080 -j DNAT --to-destination {NODE_IP}:{port}"]
    assert rules(plan, "KUBE-NODEPORT-NON-LOCAL") == [f"{COMMON} --dport {port} -m state --state NEW -j ACCEPT"]


def test_a_bind_address_gets_all_traffic() -> None:
    bound = KubeProxyConfiguration(bind_address="10.9.8.7")
    plan = node_plan("userspace", web(), configuration=bound)
    target = f"-j DNAT --to-destination 10.9.8.7:{number(plan)}"
    for chain in ("KUBE-PORTALS-CONTAINER", "KUBE-PORTALS-HOST"):
        assert [rule.endswith(target) for rule in rules(plan, chain)] == [True]


def test_a_node_without_an_address_redirects_only() -> None:
    plan = node_plan("userspace", web(node_port=30080), node_ip="")
    assert rules(plan, "KUBE-PORTALS-HOST") == rules(plan, "KUBE-NODEPORT-HOST") == []
    assert rules(plan, "KUBE-PORTALS-CONTAINER") != []


def test_portals_are_matched_before_node_ports() -> None:
    saved = userspace.save(node_plan("userspace"), (4,)).decode().splitlines()
    assert [line.rpartition(" ")[2] for line in saved if line.startswith(("-A PREROUTING", "-A OUTPUT"))] == [
        "KUBE-PORTALS-CONTAINER",
        "KUBE-NODEPORT-CONTAINER",
        "KUBE-PORTALS-HOST",
        "KUBE-NODEPORT-HOST",
    ]


def test_of_two_services_with_one_address_of_the_node_the_first_has_it() -> None:
    other = web(service="web2", cluster_ip="10.96.0.11", external_ips=(NODE_IP,), node_port=30081)
    plan = node_plan("userspace", web(external_ips=(NODE_IP,)), other)
    text = userspace.restore(plan, (4,)).decode()
    assert text.count(f"-d {NODE_IP}/32") == text.count(
        f"--comment ns1/web:http -p tcp -m tcp --dport 80 -d {NODE_IP}/32"
    )
    # The second Service is left where it failed, before its node port.
    assert "30081" not in text
    assert "10.96.0.11/32" in text


def test_an_address_given_twice_to_one_service_is_no_conflict() -> None:
    plan = node_plan("userspace", web(external_ips=(NODE_IP,), load_balancer_vips=(NODE_IP, NODE_IP), node_port=30080))
    assert len(rules(plan, "KUBE-PORTALS-CONTAINER")) == 4
    assert rules(plan, "KUBE-NODEPORT-CONTAINER") != []


def test_one_family_is_served() -> None:
    plan = node_plan("userspace", web())
    assert userspace.restore(plan, (6,)) == b""
    assert b"KUBE" not in userspace.save(plan, (6,))
    assert userspace.proxy_ports(plan, (6,)).count(b"\n") == 1
    ipv6 = replace(plan.ipv4, family=6, service_ports=(web(cluster_ip="fd00:10:96::a"),), node_ip="fd00::11")
    second = replace(plan, ipv6=ipv6, primary_family=6)
    assert (
        f"-d fd00:10:96::a/128 -j DNAT --to-destination [fd00::11]:{number(plan)}"
        in userspace.restore(second, (4, 6)).decode()
    )


def test_adding_a_service_does_not_move_the_others() -> None:
    few = [web(service=f"web{n}") for n in range(0, 100, 2)]
    many = sorted((web(service=f"web{n}") for n in range(100)), key=lambda port: port.service)
    before, after = (
        {proxy.service_port.name: proxy.number for proxy in userspace.proxies(node_plan("userspace", *ports), (4,))}
        for ports in (few, many)
    )
    assert before.items() <= after.items()


def test_proxy_ports_are_distinct_and_none_is_a_node_port() -> None:
    node_ports = range(40000, 41000)
    ports = [web(service=f"web{n}", node_port=n) for n in node_ports]
    numbers = [proxy.number for proxy in userspace.proxies(node_plan("userspace", *ports), (4,))]
    assert len(set(numbers)) == len(ports)
    assert set(numbers) <= set(userspace.EPHEMERAL_PORTS) - set(node_ports)


def test_when_all_proxy_ports_are_taken_the_rest_is_not_served() -> None:
    ports = [web(service=f"web{n}") for n in range(len(userspace.EPHEMERAL_PORTS) + 2)]
    plan = node_plan("userspace", *ports)
    assert {proxy.number for proxy in userspace.proxies(plan, (4,))} == set(userspace.EPHEMERAL_PORTS)
    unserved = [found.message for found in userspace.diagnostics(plan, (4,))][1:]
    assert unserved == [f"{port.name} is not served in userspace mode: no proxy port is left" for port in ports[-2:]]


def test_the_table_says_what_a_proxy_port_stands_for() -> None:
    endpoints = (LOCAL, REMOTE._replace(ready=False), EndpointInfo("10.244.1.7", 8080))
    sticky = web(service="web2", protocol="UDP", session_affinity_timeout=10800, endpoints=())
    plan = node_plan("userspace", web(endpoints=endpoints), sticky)
    assert userspace.proxy_ports(plan, (4, 6)).decode().splitlines() == [
        "proxy-port\tprotocol\tservice\taffinity\tendpoints",
        f"{number(plan)}\tTCP\tns1/web:http\tNone\t10.244.0.5:8080,10.244.1.7:8080",
        f"{number(plan, sticky)}\tUDP\tns1/web2:http\tClientIP,10800s\t",
    ]


def test_a_warning_says_that_nobody_runs_it() -> None:
    [found] = userspace.diagnostics(node_plan("userspace", web()), (4,))
    assert found.code == "userspace-mode"


def test_sctp_is_not_served() -> None:
    plan = node_plan("userspace", web(protocol="SCTP"))
    assert rules(plan, "KUBE-PORTALS-CONTAINER") == []
    [_, found] = userspace.diagnostics(plan, (4,))
    assert found.message == "ns1/web:http is not served in userspace mode: it does not know SCTP"


def test_what_is_saved_has_the_rules_that_are_restored() -> None:
    plan = node_plan("userspace", web(node_port=30080, external_ips=("198.51.100.7",)))
    given, saved = (
        [line.split(" ")[1] for line in form(plan, (4,)).decode().splitlines() if line.startswith("-A KUBE")]
        for form in (userspace.restore, userspace.save)
    )
    assert sorted(given) == sorted(saved)
