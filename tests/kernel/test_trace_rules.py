"""The rules that the kernel says a packet matched are those that its trace names, one after the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from kcompile.ir.ruleset import Ruleset
from kcompile.readers import read_ruleset
from tests.evaluate.clusters import Site, sites
from tests.evaluate.connections import Connection, Protocol, clients
from tests.kernel import probing, rig
from tests.kernel.monitors import MONITORS
from tests.kernel.rule_traces import differences, watch
from tests.kernel.scenario import Command
from tests.kernel.worlds import LOADERS, endpoint_ports

pytestmark = pytest.mark.kernel

CLUSTERS = (
    "recorded/dual-stack",
    "recorded/external-ips-local",
    "recorded/internal-local-external-local",
    "recorded/lb-source-ranges-node-excluded",
    "recorded/random-013",
    "recorded/session-affinity-local",
)
STEP = 2
ENOUGH = 200

IPV4_ONLY = frozenset({"iptables-nft"})
"""xtables-monitor 1.8.9 ends at the first IPv6 rule with a port: "unsupported layer 4 protocol value"."""


def connections(site: Site, name: str) -> list[Connection]:
    found = probing.all_connections(site.compile(LOADERS[name].mode))[::STEP]
    return [each for each in found if not (name in IPV4_ONLY and ":" in each.to)]


def compared(site: Site, name: str) -> Iterator[str]:
    loader, monitor = LOADERS[name], MONITORS[name]
    node = site.compile(loader.mode)
    view, world = probing.view(node), probing.world_around(node)
    commands = (*loader.commands(node), *monitor.mark)
    watched = watch(world, view.host, commands, connections(site, name), monitor, endpoint_ports(node.plan))
    yield from differences(watched, view.rules, view.host, settled=True)


@pytest.mark.parametrize("name", MONITORS)
def test_the_kernel_matches_the_rules_that_the_trace_names(name: str) -> None:
    rig.require(*LOADERS[name].tools, MONITORS[name].watch[0])
    found = [each for site in itertools.chain.from_iterable(map(sites, CLUSTERS)) for each in compared(site, name)]
    assert len(found) >= ENOUGH
    assert not any(found), "\n".join(filter(None, found))


RULES = Path(__file__).parents[1] / "data" / "rules"
# The interfaces of these rules, by what the world has in their place.
LINKS = {"docker0": "link1", "cali1234567": "pod2", "cali+": "pod+", "wan0": "link0", "wan*": "link*", "cni0": "pod2"}


def others(file: str) -> str:
    text = (RULES / file).read_text()
    for name, link in LINKS.items():
        text = text.replace(name, link)
    return text


IPTABLES = ("iptables-nft-restore", "--noflush")
BESIDE = {
    "docker.rules": (Command(IPTABLES, others("docker.rules")),),
    "flannel.rules": (Command(IPTABLES, others("flannel.rules")),),
    "calico.rules": (
        Command(("ipset", "restore"), others("calico.ipset")),
        Command(IPTABLES, others("calico.rules")),
    ),
    "firewall.nft": (Command(("nft", "-f", "-"), others("firewall.nft")),),
}
# What these rules are about, besides Services: published ports, what leaves the cluster, what they drop by chance.
TARGETS: tuple[tuple[str, int, Protocol], ...] = (
    ("192.168.1.11", 22, "tcp"),
    ("192.168.1.11", 53, "udp"),
    ("192.168.1.11", 113, "tcp"),
    ("192.168.1.11", 443, "tcp"),
    ("192.168.1.11", 4789, "udp"),
    ("192.168.1.11", 8080, "tcp"),
    ("192.168.1.11", 8081, "tcp"),
    ("192.168.1.11", 8443, "tcp"),
    ("192.168.1.11", 9443, "tcp"),
    ("8.8.8.8", 53, "udp"),
    ("10.66.0.1", 80, "tcp"),
    ("10.67.0.1", 80, "tcp"),
    ("10.68.0.1", 80, "tcp"),
    ("172.17.0.2", 80, "tcp"),
)
DUMPS = {"iptables-nft": (("iptables-nft-save",), ("ipset", "save")), "nftables": (("nft", "list", "ruleset"),)}


@pytest.mark.parametrize("file", BESIDE)
def test_the_kernel_matches_the_rules_that_a_dump_names_beside_those_of_others(file: str) -> None:
    """Read from the kernel, so that what is followed is what the tools print of it."""
    name = "nftables" if file.endswith(".nft") else "iptables-nft"
    loader, monitor, dumps = LOADERS[name], MONITORS[name], DUMPS[name]
    rig.require(*loader.tools, monitor.watch[0], *(argv[0] for argv in dumps))
    [site] = sites("recorded/internal-local-external-local")
    node = site.compile(loader.mode)
    view, world = probing.view(node), probing.world_around(node)
    commands = (*loader.commands(node), *BESIDE[file], *monitor.mark, *map(Command, dumps))
    extra = [Connection(client, *target) for client in clients(node.plan.ipv4) for target in TARGETS]
    asked = connections(site, name) + extra
    watched = watch(world, view.host, commands, asked, monitor, endpoint_ports(node.plan))
    rules = sum((read_ruleset(output.stdout) for output in watched.outputs[-len(dumps) :]), Ruleset())
    found = list(differences(watched, rules, view.host, settled=False))
    assert found
    assert not any(found), "\n".join(filter(None, found))
