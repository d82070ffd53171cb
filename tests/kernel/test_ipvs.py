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
from tests.cli.command import kcompile
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


LISTS = (
    Command(("ipvsadm", "-L", "-n")),
    *(
        Command((f"{tool}-legacy", "-t", table, "-L", "-n", "-v"))
        for tool in ("iptables", "ip6tables")
        for table in ("nat", "filter")
    ),
)
"""As `kcompile show` prints them."""

# What no kube-proxy writes: every flag, masks, tunnels, marks, and addresses that ipvsadm sorts in its own way.
OTHER_SERVERS = """\
-A -t 203.0.113.254:65535 -s wlc -p 10800
-a -t 203.0.113.254:65535 -r 172.16.100.100:65535 -g -w 65535
-A -t 10.96.0.10:80 -s wrr -p
-a -t 10.96.0.10:80 -r 10.244.0.6:8080 -m -w 0
-a -t 10.96.0.10:80 -r 10.244.0.5:8080 -m -w 3
-a -t 10.96.0.10:80 -r 203.244.100.205:18080 -i -w 3
-a -t 10.96.0.10:80 -r [fd00:1111:2222:3333:4444:5555:6666:7777]:80 -i -w 1
-a -t 10.96.0.10:80 -r 10.244.0.7 -m -x 5 -y 3
-A -t 10.96.0.9:80 -s lc
-A -t 10.96.0.10:0 -s rr -p 60
-A -t 192.168.1.11:30080 -s dh
-A -u 192.168.1.11:30053 -s sh -b sh-port,sh-fallback
-A -u 192.168.1.11:30054 -s rr -o
-A -u 192.168.1.11:30055 -s mh -b mh-port -p 300 -M 255.255.255.0
-A -u 192.168.1.11:30056 -s mh -b flag-1 -p 300 -M 255.255.0.0 -o
-A -u 192.168.1.11:30057 -s rr -M 255.255.0.0
-A -u 192.168.1.11:30058 -s rr -b flag-3,flag-2 -p 3 -o
-A --sctp-service 10.96.0.10:80 -s lblcr
-A -t [fd00:10:96::10]:80 -s wrr -p 10800 -M 64
-a -t [fd00:10:96::10]:80 -r [fd00:1111:2222:3333:4444:5555:6666:7777]:8080 -m -w 1
-a -t [fd00:10:96::10]:80 -r 10.0.0.1:90 -i -w 1
-A -u [fd00:1111:2222:3333:4444:5555:6666:7777]:54321 -s nq
-A -t [fe80::1]:80 -s sed
-A -t [2001:db8::1]:80 -s lblc
-A -t [::ffff:10.0.0.1]:80 -s rr
-A -f 5 -s rr
-a -f 5 -r 10.0.0.7:90 -g -w 2
-A -f 3 -s rr -p 360
-A -f 5 -6 -s fo
-A -f 1 -6 -s ovf -p 5
"""


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
            Command(("ipvsadm", "-L", "-n")),
        ),
        probes=tuple(tcp(OUTSIDE, address, 80, 18) for address, _ in scheduled),
        ports=(8080,),
    )


def other_servers_script() -> Script:
    load = Command(("ipvsadm", "-R"), OTHER_SERVERS)
    return Script(world=WORLD, commands=(load, Command(("ipvsadm", "-Sn")), Command(("ipvsadm", "-L", "-n"))))


@dataclass(frozen=True, slots=True)
class Guest:
    """`saved` are the outputs of commands by their names, `listed` those of LISTS."""

    node: CompiledNode
    loaded: tuple[Output, ...]
    saved: dict[str, str]
    listed: tuple[str, ...]
    traffic: dict[Probe, tuple[Outcome, ...]]
    schedulers: Report
    others: Report


@pytest.fixture(scope="module")
def guest() -> Guest:
    """Everything that this module asks of a kernel, in one boot."""
    uml.require()
    node = load([CLUSTER]).node("node-1")
    loading, saving = IPVS.commands(node), save_rules(node)
    probes = (*(promise.probe for promise in PROMISES), *(probe for probe, _ in DENIED), STICKY)
    main = Script(world=WORLD, commands=(*loading, *saving, *LISTS), probes=probes, ports=(8080, 8053))
    report, schedulers, others = uml.perform([main, schedulers_script(), other_servers_script()])
    saved, listed = report.outputs[len(loading) : -len(LISTS)], report.outputs[-len(LISTS) :]
    return Guest(
        node,
        report.outputs[: len(loading)],
        {command.argv[0]: output.stdout for command, output in zip(saving, saved, strict=True)},
        tuple(output.stdout for output in listed),
        dict(zip(probes, report.outcomes, strict=True)),
        schedulers,
        others,
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
    assert sorted(guest.schedulers.outputs[-2].stdout.splitlines()) == sorted(given)


def show_ipvs(dump: str) -> str:
    return kcompile("show", "ipvs", "--rules", "-", stdin=dump.encode()).stdout


def test_virtual_servers_are_shown_as_ipvsadm_lists_them(guest: Guest) -> None:
    listed = guest.listed[0]
    assert kcompile("show", "ipvs", CLUSTER, "--node", "node-1").stdout == listed
    assert show_ipvs(guest.saved["ipvsadm"]) == listed


def test_every_scheduler_is_shown_as_ipvsadm_lists_it(guest: Guest) -> None:
    *_, saved, listed = (output.stdout for output in guest.schedulers.outputs)
    assert listed.count(" Masq ") == len(SCHEDULERS) * len(ENDPOINTS)
    assert show_ipvs("".join(node.emit("ipvsadm") for _, node in scheduled_nodes())) == listed
    assert show_ipvs(saved) == listed


def test_virtual_servers_of_others_are_shown_as_ipvsadm_lists_them(guest: Guest) -> None:
    loaded, saved, listed = guest.others.outputs
    assert not loaded.stderr
    assert show_ipvs(OTHER_SERVERS) == show_ipvs(saved.stdout) == listed.stdout


@pytest.mark.parametrize(("family", "table"), [("4", "nat"), ("4", "filter"), ("6", "nat"), ("6", "filter")])
def test_rules_are_shown_as_iptables_lists_them(guest: Guest, family: str, table: str) -> None:
    place = [(family, table) for family in "46" for table in ("nat", "filter")].index((family, table))
    shown = kcompile("show", "iptables", CLUSTER, "--node", "node-1", "--family", family, "-t", table).stdout
    # Some packets of the kernel's own have passed.
    listed = re.sub(r"\d+ packets, \d+ bytes", "0 packets, 0 bytes", guest.listed[1 + place])
    assert re.sub(r"^ *\d+ +\d+ ", f"{0:>5} {0:>5} ", listed, flags=re.MULTILINE) == shown


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
