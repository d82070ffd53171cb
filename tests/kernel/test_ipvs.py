"""The ipvs mode before the judges: a kernel with ip_vs, and the real ipvsadm, ipset and iptables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kcompile.api import CompiledNode, load, loads
from kcompile.ir.plan import Family
from tests.kernel import rig, uml
from tests.kernel.scenario import (
    ELSEWHERE,
    NODE,
    OUTSIDE,
    Command,
    Outcome,
    Output,
    Probe,
    Report,
    Script,
    Verdict,
    World,
)
from tests.kernel.worlds import IPVS

pytestmark = pytest.mark.kernel

CLUSTER = Path(__file__).parent / "ipvs_cluster.yaml"

NODE_IP, POD_5, POD_6, REMOTE_POD, CLIENT = "192.168.1.11", "10.244.0.5", "10.244.0.6", "10.244.1.7", "198.51.100.250"
ALLOWED_CLIENT = "198.51.100.200"
WORLD = World(
    node=(NODE_IP, "fd00:192:168:1::11"),
    pods=((POD_5, "fd00:10:244::5"), (POD_6, "fd00:10:244::6")),
    elsewhere=(REMOTE_POD, "fd00:10:244:1::7"),
    outside=(CLIENT, ALLOWED_CLIENT, "2001:db8:ffff::250"),
)
LOCAL_ENDPOINTS = (POD_5, POD_6)
ENDPOINTS = (*LOCAL_ENDPOINTS, ELSEWHERE)

SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "mh")
"""What KubeProxyConfiguration's ipvs.scheduler may be."""

ONE_SERVICE = """\
apiVersion: v1
kind: List
items:
- apiVersion: kubeproxy.config.k8s.io/v1alpha1
  kind: KubeProxyConfiguration
  mode: ipvs
  ipvs: {{scheduler: {scheduler}}}
- apiVersion: v1
  kind: Service
  metadata: {{name: web, namespace: default}}
  spec: {{clusterIP: {cluster_ip}, ports: [{{port: 80, targetPort: 8080}}]}}
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {{name: web, namespace: default, labels: {{kubernetes.io/service-name: web}}}}
  addressType: IPv4
  ports: [{{port: 8080, protocol: TCP}}]
  endpoints:
  - {{addresses: [10.244.0.5]}}
  - {{addresses: [10.244.0.6]}}
  - {{addresses: [10.244.1.7]}}
"""


@dataclass(frozen=True, slots=True)
class Promise:
    """Connections from a place are answered by each of `by` equally often; it sees `source` ("" for any)."""

    probe: Probe
    by: tuple[str, ...]
    source: str = ""

    def __str__(self) -> str:
        return f"{self.probe.origin} to {self.probe.to}:{self.probe.port}/{self.probe.protocol}"


def tcp(origin: str, to: str, port: int, count: int = 6, source: str = "") -> Probe:
    return Probe(origin, to, port, "tcp", count, source or {OUTSIDE: CLIENT, POD_5: POD_5}.get(origin, ""))


def udp(origin: str, to: str, port: int) -> Probe:
    return Probe(origin, to, port, "udp", 6, CLIENT if origin == OUTSIDE else "")


PROMISES = (
    # ClusterIP: who is not a Pod is masqueraded.
    Promise(tcp(POD_6, "10.96.0.10", 80, 60), ENDPOINTS),
    Promise(udp(POD_6, "10.96.0.10", 53), ENDPOINTS),
    Promise(tcp(NODE, "10.96.0.10", 80), ENDPOINTS, NODE_IP),
    Promise(tcp(OUTSIDE, "10.96.0.10", 80), ENDPOINTS, NODE_IP),
    Promise(Probe(POD_5, "fd00:10:96::10", 80, count=6), ENDPOINTS),
    # Everything from outside under policy Cluster is masqueraded.
    Promise(tcp(OUTSIDE, NODE_IP, 30080), ENDPOINTS, NODE_IP),
    Promise(udp(OUTSIDE, NODE_IP, 30053), ENDPOINTS, NODE_IP),
    Promise(tcp(NODE, NODE_IP, 30080), ENDPOINTS, NODE_IP),
    Promise(tcp(POD_5, NODE_IP, 30080), ENDPOINTS, NODE_IP),
    Promise(tcp(OUTSIDE, "203.0.113.10", 80), ENDPOINTS, NODE_IP),
    Promise(udp(OUTSIDE, "203.0.113.10", 53), ENDPOINTS, NODE_IP),
    Promise(tcp(NODE, "203.0.113.10", 80), ENDPOINTS, NODE_IP),
    Promise(tcp(OUTSIDE, "198.51.100.7", 80), ENDPOINTS, NODE_IP),
    # External traffic policy Local: local endpoints only, and they see the client.
    Promise(tcp(OUTSIDE, NODE_IP, 30081), LOCAL_ENDPOINTS, CLIENT),
    Promise(tcp(OUTSIDE, "203.0.113.11", 80), LOCAL_ENDPOINTS, CLIENT),
    Promise(tcp(POD_5, "10.96.0.11", 80), ENDPOINTS),
    # Source ranges.
    Promise(tcp(OUTSIDE, "203.0.113.12", 80, source=ALLOWED_CLIENT), ENDPOINTS, NODE_IP),
    Promise(tcp(NODE, "203.0.113.13", 80), ENDPOINTS, NODE_IP),
)

# Who is not let in hears nothing; no endpoints, and ports that an address of kube-ipvs0 does not serve, are refused.
DENIED = (
    (tcp(OUTSIDE, "203.0.113.12", 80, 2), "silent"),
    (tcp(NODE, "203.0.113.12", 80, 2), "silent"),
    (tcp(OUTSIDE, "203.0.113.13", 80, 2), "silent"),
    (tcp(POD_5, "10.96.0.15", 80), "refused"),
    (tcp(OUTSIDE, "10.96.0.10", 9999), "refused"),
)

STICKY = tcp(POD_6, "10.96.0.14", 80, 20)

# One client, one connection after the other: round robin and least connections take turns; the hashes and the locality
# of lblc and lblcr stay where they are; sed and nq go to the first endpoint, which is idle again each time. mh hashes
# the client's port too.
SHARES = {
    **dict.fromkeys(("rr", "wrr", "lc", "wlc"), (6, 6, 6)),
    **dict.fromkeys(("lblc", "lblcr", "sh", "dh", "sed", "nq"), (18,)),
}


def save_rules(node: CompiledNode) -> tuple[Command, ...]:
    """First, kube-proxy's full sync goes in over what is there, as it does time and again."""
    return (
        Command(("iptables-legacy-restore", "--noflush"), node.emit("iptables-restore", 4)),
        Command(("ip6tables-legacy-restore", "--noflush"), node.emit("iptables-restore", 6)),
        Command(("iptables-legacy-save",)),
        Command(("ip6tables-legacy-save",)),
        Command(("ipset", "save")),
        Command(("ipvsadm", "-Sn")),
        Command(("ip", "-oneline", "address", "show", "dev", "kube-ipvs0")),
    )


def scheduled_nodes() -> list[tuple[str, CompiledNode]]:
    """A node for each scheduler, each with a Service of its own address."""
    addresses = (f"10.96.1.{number}" for number in range(1, len(SCHEDULERS) + 1))
    return [
        (address, loads(ONE_SERVICE.format(scheduler=scheduler, cluster_ip=address)).node())
        for scheduler, address in zip(SCHEDULERS, addresses, strict=True)
    ]


def schedulers_script() -> Script:
    scheduled = scheduled_nodes()
    batches = [node.emit("ip-batch").partition("\n") for _, node in scheduled]
    interface = batches[0][0]
    return Script(
        world=WORLD,
        commands=(
            Command(("ip", "-batch", "-"), "".join((f"{interface}\n", *(addresses for _, _, addresses in batches)))),
            Command(("ipvsadm", "-R"), "".join(node.emit("ipvsadm") for _, node in scheduled)),
            Command(("ipvsadm", "-Sn")),
        ),
        probes=tuple(tcp(OUTSIDE, address, 80, 18) for address, _ in scheduled),
        ports=(8080,),
    )


@dataclass(frozen=True, slots=True)
class Guest:
    """`saved` are the outputs of commands by their names."""

    node: CompiledNode
    loaded: tuple[Output, ...]
    saved: dict[str, str]
    traffic: dict[Probe, tuple[Outcome, ...]]
    schedulers: Report


@pytest.fixture(scope="module")
def guest() -> Guest:
    """Everything that this module asks of a kernel, in one boot."""
    uml.require()
    node = load([CLUSTER]).node("node-1")
    loading, saving = IPVS.commands(node), save_rules(node)
    probes = (*(promise.probe for promise in PROMISES), *(probe for probe, _ in DENIED), STICKY)
    main = Script(world=WORLD, commands=(*loading, *saving), probes=probes, ports=(8080, 8053))
    report, schedulers = uml.perform([main, schedulers_script()])
    saved = report.outputs[len(loading) :]
    return Guest(
        node,
        report.outputs[: len(loading)],
        {command.argv[0]: output.stdout for command, output in zip(saving, saved, strict=True)},
        dict(zip(probes, report.outcomes, strict=True)),
        schedulers,
    )


def test_the_real_tools_load_everything(guest: Guest) -> None:
    assert [output for output in guest.loaded if output.status or output.stderr] == []


def test_ipvsadm_saves_what_it_was_given(guest: Guest) -> None:
    assert sorted(guest.saved["ipvsadm"].splitlines()) == sorted(guest.node.emit("ipvsadm").splitlines())


def test_ipset_saves_what_it_was_given(guest: Guest) -> None:
    assert sorted(guest.saved["ipset"].splitlines()) == sorted(as_ipset_spells(guest.node.emit("ipset")))


@pytest.mark.parametrize(("tool", "family"), [("iptables-legacy-save", 4), ("ip6tables-legacy-save", 6)])
def test_iptables_saves_what_it_was_given(guest: Guest, tool: str, family: Family) -> None:
    assert tables(guest.saved[tool]) == tables(guest.node.emit("iptables-save", family))


def test_ip_binds_every_address(guest: Guest) -> None:
    bound = re.findall(r"inet6? (\S+)", guest.saved["ip"])
    assert sorted(bound) == sorted(re.findall(r"address add (\S+)", guest.node.emit("ip-batch")))


def test_the_kernel_knows_every_parameter(guest: Guest) -> None:
    parameters = [line for line in guest.node.emit("sysctl").splitlines() if not line.startswith("#")]
    assert guest.loaded[0].stdout.splitlines() == parameters


@pytest.mark.parametrize("promise", PROMISES, ids=str)
def test_connections_reach_the_endpoints_in_turn(guest: Guest, promise: Promise) -> None:
    outcomes = guest.traffic[promise.probe]
    share = promise.probe.count // len(promise.by)
    assert Counter(outcome.place for outcome in outcomes) == dict.fromkeys(promise.by, share)
    if promise.source:
        assert {outcome.source for outcome in outcomes} == {promise.source}


def test_an_endpoint_that_calls_itself_is_masqueraded(guest: Guest) -> None:
    outcomes = guest.traffic[tcp(POD_6, "10.96.0.10", 80, 60)]
    sources = {(outcome.place, outcome.source) for outcome in outcomes}
    assert sources == {(POD_5, POD_6), (ELSEWHERE, POD_6), (POD_6, NODE_IP)}


@pytest.mark.parametrize(("probe", "verdict"), DENIED)
def test_what_is_not_served_is_refused_or_dropped(guest: Guest, probe: Probe, verdict: Verdict) -> None:
    assert {outcome.verdict for outcome in guest.traffic[probe]} == {verdict}


def test_a_client_with_affinity_stays_with_its_endpoint(guest: Guest) -> None:
    assert len({outcome.server for outcome in guest.traffic[STICKY]}) == 1


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_scheduler_shares_connections_as_it_promises(guest: Guest, scheduler: str) -> None:
    outcomes = guest.schedulers.outcomes[SCHEDULERS.index(scheduler)]
    assert {outcome.verdict for outcome in outcomes} == {"answered"}
    shares = sorted(Counter(outcome.place for outcome in outcomes).values())
    if scheduler == "mh":
        assert len(shares) == len(ENDPOINTS)
    else:
        assert tuple(shares) == SHARES[scheduler]


def test_ipvsadm_saves_every_scheduler_as_it_was_given(guest: Guest) -> None:
    given = [line for _, node in scheduled_nodes() for line in node.emit("ipvsadm").splitlines()]
    assert sorted(guest.schedulers.outputs[-1].stdout.splitlines()) == sorted(given)


def test_an_element_that_the_kernel_refuses_keeps_no_other_from_loading() -> None:
    rig.require("ipset")
    text = loads(CLUSTER.read_text().replace("172.16.0.0/12", "0.0.0.0/0")).node("node-1").emit("ipset")
    load_what_can_be = Command(("sh", "-c", "ipset restore || true"), text)
    report = rig.perform(Script(commands=(load_what_can_be, Command(("ipset", "save")))))
    assert "CIDR" in report.outputs[0].stderr
    taken = [line for line in as_ipset_spells(text) if not line.endswith(",0.0.0.0/0")]
    assert sorted(report.outputs[1].stdout.splitlines()) == sorted(taken)
    assert len(taken) == len(text.splitlines()) - 1


def as_ipset_spells(text: str) -> Iterator[str]:
    """A network of one address loses its prefix."""
    return (re.sub(r"/(32|128)$", "", line) for line in text.splitlines())


def tables(text: str) -> list[str]:
    """The tables of an iptables-save text, without comments and counts; their order is that of their first use."""
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    return sorted(re.sub(r"\[\d+:\d+\]", "[0:0]", text).split("COMMIT\n"))
