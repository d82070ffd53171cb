"""Real connections through compiled rules: which endpoint answered, and whom it saw, as each mode promises."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import pytest

import kcompile
from kcompile.api import CompiledNode
from kcompile.ir.plan import Mode
from tests.kernel import manifests, rig
from tests.kernel.manifests import port, service
from tests.kernel.scenario import ELSEWHERE, NODE, OUTSIDE, Probe, Report, Script
from tests.kernel.worlds import LOADERS, endpoint_ports, world_of

pytestmark = pytest.mark.kernel

NODE_4, NODE_6, SECOND_ADDRESS = "192.168.1.11", "fd00:192:168:1::11", "10.9.8.7"
OTHER_NODE = "192.168.1.12"
POD_A, POD_B, CLIENT_POD, REMOTE_POD = "10.244.0.5", "10.244.0.6", "10.244.0.99", "10.244.1.7"
POD_A6, CLIENT_POD6, REMOTE_POD6 = "fd00:10:244::5", "fd00:10:244::99", "fd00:10:244:1::7"
ALLOWED, STRANGER, STRANGER6 = "198.51.100.250", "192.0.2.9", "2001:db8:ffff::250"

HERE, THERE = "node-1", "node-2"
EVERYWHERE = ((POD_A, HERE), (POD_B, HERE), (REMOTE_POD, THERE), (POD_A6, HERE), (REMOTE_POD6, THERE))
ONLY_THERE = ((REMOTE_POD, THERE),)
TCP = [port(80, 8080)]

CLUSTER = manifests.manifest_list(
    [
        manifests.node(HERE, NODE_4, NODE_6),
        manifests.node(THERE, OTHER_NODE),
        manifests.proxy_configuration(clusterCIDR="10.244.0.0/16,fd00:10:244::/48"),
        *service(
            "web",
            ["10.96.0.10", "fd00:10:96::10"],
            [port(80, 8080, "TCP", 30080), port(53, 8053, "UDP", 30053), port(80, 8080, "SCTP", 30082)],
            EVERYWHERE,
            balancer=["203.0.113.10", "2001:db8:1::10"],
            externalIPs=["198.51.100.7"],
        ),
        *service(
            "keeps-source",
            ["10.96.0.11"],
            [port(80, 8080, "TCP", 30081)],
            EVERYWHERE,
            balancer=["203.0.113.11"],
            externalTrafficPolicy="Local",
        ),
        *service(
            "not-here",
            ["10.96.0.12"],
            [port(80, 8080, "TCP", 30083)],
            ONLY_THERE,
            balancer=["203.0.113.12"],
            externalTrafficPolicy="Local",
        ),
        *service(
            "ranges",
            ["10.96.0.13"],
            [port(80, 8080, "TCP", 30084)],
            EVERYWHERE,
            balancer=["203.0.113.13"],
            loadBalancerSourceRanges=["198.51.100.0/24", "10.244.0.0/16"],
        ),
        *service("stays-here", ["10.96.0.14"], TCP, EVERYWHERE, internalTrafficPolicy="Local"),
        *service("stays-nowhere", ["10.96.0.15"], TCP, ONLY_THERE, internalTrafficPolicy="Local"),
        *service("sticky", ["10.96.0.16"], TCP, EVERYWHERE, sessionAffinity="ClientIP"),
        *service("alone", ["10.96.0.17"], TCP, [(POD_A, HERE)]),
        *service(
            "empty",
            ["10.96.0.18"],
            [port(80, 8080, "TCP", 30085), port(53, 8053, "UDP", 30086)],
            balancer=["203.0.113.18"],
        ),
    ]
)

CONNECTIONS = 60
"""Enough for each of three endpoints to come up: it would stay away once in ten thousand million runs."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What a mode promises: endpoints that all come up and see `source`, or the verdict that there is no answer."""

    servers: frozenset[str] = frozenset()
    source: str = ""
    verdict: str = "answered"


def reaches(pods: Collection[str], source: str, target: int = 8080) -> Fate:
    servers = (f"[{pod}]:{target}" if ":" in pod else f"{pod}:{target}" for pod in pods)
    return Fate(frozenset(servers), source)


def passes_unchanged(to: str, number: int, source: str) -> Fate:
    return Fate(frozenset({f"{to}:{number}"}), source)


REFUSED = Fate(verdict="refused")
SILENT = Fate(verdict="silent")
ALL, ALL_HERE, ALL_6 = (POD_A, POD_B, REMOTE_POD), (POD_A, POD_B), (POD_A6, REMOTE_POD6)


@dataclass(frozen=True, slots=True)
class Promise:
    """`fate` holds in both modes, or `nftables` says what differs there."""

    name: str
    probe: Probe
    fate: Fate
    nftables: Fate | None = None

    def in_mode(self, mode: Mode) -> Fate:
        return self.nftables if self.nftables and mode == "nftables" else self.fate


def promise(
    name: str,
    origin: str,
    to: str,
    number: int,
    fate: Fate,
    nftables: Fate | None = None,
    *,
    udp: bool = False,
    source: str = "",
) -> Promise:
    count = CONNECTIONS if fate.servers else 1
    return Promise(name, Probe(origin, to, number, "udp" if udp else "tcp", count, source), fate, nftables)


PROMISES = (
    promise("ClusterIP from a Pod keeps the source", CLIENT_POD, "10.96.0.10", 80, reaches(ALL, CLIENT_POD)),
    promise("ClusterIP from the node", NODE, "10.96.0.10", 80, reaches(ALL, NODE_4)),
    promise("ClusterIP from outside comes from the node", OUTSIDE, "10.96.0.10", 80, reaches(ALL, NODE_4)),
    promise("ClusterIP over UDP", CLIENT_POD, "10.96.0.10", 53, reaches(ALL, CLIENT_POD, 8053), udp=True),
    promise("ClusterIP over IPv6", CLIENT_POD6, "fd00:10:96::10", 80, reaches(ALL_6, CLIENT_POD6)),
    promise("ClusterIP over IPv6 from outside", OUTSIDE, "fd00:10:96::10", 80, reaches(ALL_6, NODE_6)),
    promise(
        "another port of a ClusterIP",
        CLIENT_POD,
        "10.96.0.10",
        81,
        passes_unchanged("10.96.0.10", 81, CLIENT_POD),
        REFUSED,
    ),
    promise("NodePort from outside", OUTSIDE, NODE_4, 30080, reaches(ALL, NODE_4)),
    promise("NodePort from another node", ELSEWHERE, NODE_4, 30080, reaches(ALL, NODE_4), source=OTHER_NODE),
    promise("NodePort from a Pod", CLIENT_POD, NODE_4, 30080, reaches(ALL, NODE_4)),
    promise("NodePort from the node", NODE, NODE_4, 30080, reaches(ALL, NODE_4)),
    promise("NodePort over UDP", OUTSIDE, NODE_4, 30053, reaches(ALL, NODE_4, 8053), udp=True),
    promise("NodePort over IPv6", OUTSIDE, NODE_6, 30080, reaches(ALL_6, NODE_6)),
    promise(
        "NodePort on an address that is not the primary",
        OUTSIDE,
        SECOND_ADDRESS,
        30080,
        reaches(ALL, NODE_4),
        passes_unchanged(SECOND_ADDRESS, 30080, ALLOWED),
    ),
    promise(
        "NodePort on loopback",
        NODE,
        "127.0.0.1",
        30080,
        reaches(ALL, NODE_4),
        passes_unchanged("127.0.0.1", 30080, "127.0.0.1"),
    ),
    promise("external address", OUTSIDE, "198.51.100.7", 80, reaches(ALL, NODE_4)),
    promise("load balancer from outside", OUTSIDE, "203.0.113.10", 80, reaches(ALL, NODE_4)),
    promise("load balancer from a Pod", CLIENT_POD, "203.0.113.10", 80, reaches(ALL, NODE_4)),
    promise("load balancer from the node", NODE, "203.0.113.10", 80, reaches(ALL, NODE_4)),
    promise("load balancer over IPv6", OUTSIDE, "2001:db8:1::10", 80, reaches(ALL_6, NODE_6)),
    promise("source range that holds the client", OUTSIDE, "203.0.113.13", 80, reaches(ALL, NODE_4), source=ALLOWED),
    promise("source range that holds the Pod", CLIENT_POD, "203.0.113.13", 80, reaches(ALL, NODE_4)),
    promise("source ranges without the client", OUTSIDE, "203.0.113.13", 80, SILENT, source=STRANGER),
    promise("source ranges without the node", NODE, "203.0.113.13", 80, SILENT),
    promise("source ranges do not bind node ports", OUTSIDE, NODE_4, 30084, reaches(ALL, NODE_4), source=STRANGER),
    promise("external policy Local keeps the source", OUTSIDE, NODE_4, 30081, reaches(ALL_HERE, ALLOWED)),
    promise("external policy Local behind a load balancer", OUTSIDE, "203.0.113.11", 80, reaches(ALL_HERE, ALLOWED)),
    promise("external policy Local from a Pod", CLIENT_POD, "203.0.113.11", 80, reaches(ALL, CLIENT_POD)),
    promise("external policy Local from the node", NODE, "203.0.113.11", 80, reaches(ALL, NODE_4)),
    promise("external policy Local without endpoints here", OUTSIDE, NODE_4, 30083, SILENT),
    promise("the same behind a load balancer", OUTSIDE, "203.0.113.12", 80, SILENT),
    promise("the same from a Pod", CLIENT_POD, "203.0.113.12", 80, reaches([REMOTE_POD], CLIENT_POD)),
    promise("internal policy Local", CLIENT_POD, "10.96.0.14", 80, reaches(ALL_HERE, CLIENT_POD)),
    promise("internal policy Local without endpoints here", CLIENT_POD, "10.96.0.15", 80, SILENT),
    promise("a Pod that is its own endpoint", POD_A, "10.96.0.17", 80, reaches([POD_A], NODE_4)),
    promise("no endpoints", CLIENT_POD, "10.96.0.18", 80, REFUSED),
    promise("no endpoints, UDP", CLIENT_POD, "10.96.0.18", 53, REFUSED, udp=True),
    promise("no endpoints, from the node", NODE, "10.96.0.18", 80, REFUSED),
    promise("no endpoints, from outside", OUTSIDE, "10.96.0.18", 80, REFUSED),
    promise("no endpoints, node port", OUTSIDE, NODE_4, 30085, REFUSED),
    promise("no endpoints, node port over UDP", OUTSIDE, NODE_4, 30086, REFUSED, udp=True),
    promise("no endpoints, load balancer", OUTSIDE, "203.0.113.18", 80, REFUSED),
    promise(
        "no endpoints, load balancer from the node",
        NODE,
        "203.0.113.18",
        80,
        passes_unchanged("203.0.113.18", 80, NODE_4),
        REFUSED,
    ),
)
STICKY = Probe(CLIENT_POD, "10.96.0.16", 80, count=50)
STICKY_OUTSIDE = Probe(OUTSIDE, "10.96.0.16", 80, count=50)
SHARES = Probe(CLIENT_POD, "10.96.0.10", 80, count=300)


def compiled(mode: Mode) -> CompiledNode:
    addresses = ("127.0.0.1/8", "::1/128", f"{NODE_4}/24", f"{NODE_6}/64", f"{SECOND_ADDRESS}/8")
    return kcompile.loads(CLUSTER).node(HERE, mode=mode, local_addresses=addresses)


@pytest.fixture(scope="module", params=LOADERS)
def traffic(request: pytest.FixtureRequest) -> tuple[Mode, Report]:
    """All connections of this file, made once for each way to load the rules."""
    loader = LOADERS[request.param]
    rig.require(*loader.tools)
    node = compiled(loader.mode)
    script = Script(
        world=world_of(
            node.plan,
            client_pods=(CLIENT_POD, CLIENT_POD6),
            elsewhere=(OTHER_NODE,),
            outside=(ALLOWED, STRANGER, STRANGER6),
        ),
        commands=loader.commands(node),
        probes=(*(promise.probe for promise in PROMISES), STICKY, STICKY_OUTSIDE, SHARES),
        ports=endpoint_ports(node.plan),
    )
    return loader.mode, rig.perform(script)


@pytest.mark.parametrize("number", range(len(PROMISES)), ids=[promise.name for promise in PROMISES])
def test_promise_is_kept(traffic: tuple[Mode, Report], number: int) -> None:
    mode, report = traffic
    fate, outcomes = PROMISES[number].in_mode(mode), report.outcomes[number]
    assert {outcome.verdict for outcome in outcomes} == {fate.verdict}
    if fate.servers:
        assert {outcome.server for outcome in outcomes} == fate.servers
        assert {outcome.source for outcome in outcomes} == {fate.source}


@pytest.mark.parametrize("place", [-3, -2], ids=["Pod", "outside"])
def test_session_affinity_holds_over_fifty_connections(traffic: tuple[Mode, Report], place: int) -> None:
    outcomes = traffic[1].outcomes[place]
    assert len(outcomes) == 50
    assert {outcome.verdict for outcome in outcomes} == {"answered"}
    assert len({outcome.server for outcome in outcomes}) == 1


def test_three_endpoints_share_three_hundred_connections(traffic: tuple[Mode, Report]) -> None:
    counts = Counter(outcome.server for outcome in traffic[1].outcomes[-1])
    assert set(counts) == reaches(ALL, "").servers
    deviation = math.sqrt(300 * 1 / 3 * 2 / 3)
    assert all(abs(count - 100) <= 5 * deviation for count in counts.values()), counts


def test_sctp_rules_load(traffic: tuple[Mode, Report]) -> None:
    """Whether sockets can speak it depends on the kernel; that the rules loaded, the fixture has seen."""
    rules = compiled(traffic[0]).files()
    assert any("sctp" in text for text in rules.values())
