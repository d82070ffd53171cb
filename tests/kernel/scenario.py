"""What the rig is asked and what it answers: a world, the rules of its node, probes, and what became of them.

Plain data that crosses the border between a test and its namespaces as JSON. Only the standard library is imported
here, as the child process starts for every scenario.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

NODE = "node"
ELSEWHERE = "elsewhere"
OUTSIDE = "outside"

CLIENTS = ("198.51.100.250", "2001:db8:ffff::250")
"""Addresses outside that no cluster of these tests has."""

Verdict = Literal["answered", "refused", "unreachable", "silent"]


@dataclass(frozen=True, slots=True)
class World:
    """A node and what surrounds it; addresses are texts without prefix, of both families.

    Every place is a network namespace: `node` with its own addresses, one for each of `pods` (named by its first
    address, hung off the node by a veth and one route per address), `elsewhere` (Pods of other nodes, and other nodes)
    and `outside` (clients, and everything that no route leads to: it takes packets for any address).
    """

    node: tuple[str, ...]
    pods: tuple[tuple[str, ...], ...] = ()
    elsewhere: tuple[str, ...] = ()
    outside: tuple[str, ...] = CLIENTS

    def around(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The places that hang off the node, with their addresses, in the order of its links."""
        return ((OUTSIDE, self.outside), (ELSEWHERE, self.elsewhere), *((pod[0], pod) for pod in self.pods))

    def interface(self, place: str) -> str:
        """The node's end of the link to a place: `link0` to the outside, `link1` elsewhere, and `pod2` and so on."""
        number = [name for name, _ in self.around()].index(place)
        return f"pod{number}" if number > 1 else f"link{number}"

    def place_of(self, address: str) -> str:
        """Where packets for an address arrive."""
        if address in self.node or address.startswith("127.") or address == "::1":
            return NODE
        return next((name for name, addresses in self.around() if address in addresses), OUTSIDE)


@dataclass(frozen=True, slots=True)
class Command:
    """A command that runs in the node's namespace, with `stdin` as its input; no shell takes part."""

    argv: tuple[str, ...]
    stdin: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Probe:
    """`count` connections, one after another, from a place to `to`:`port`.

    `origin` is NODE, ELSEWHERE, OUTSIDE, or the first address of a Pod; `source` binds the client's address, where ""
    leaves it to routing. UDP sends one datagram and waits for the answer.
    """

    origin: str
    to: str
    port: int
    protocol: Literal["tcp", "udp"] = "tcp"
    count: int = 1
    source: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one connection.

    Every place listens on every port in question, so a packet that reaches any socket is answered: `place` is where,
    `server` the address and port that it came to there, `source` the client's address as seen there. All are "" when
    nobody answered. A packet that the rules pass on unchanged shows as an answer from `server` equal to the
    probe's destination.
    """

    verdict: Verdict
    place: str = ""
    server: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """What one set of namespaces is for: run `commands` in order, keep `watch` running beside the probes.

    Without a world there is one bare namespace for the commands. `ports` are listened on besides those of the probes:
    the endpoints' own. `patience` is the time in seconds after which nothing heard is silence; a refusal or an answer
    needs microseconds, as veth delivers inside the system call.
    """

    world: World | None = None
    commands: tuple[Command, ...] = ()
    probes: tuple[Probe, ...] = ()
    ports: tuple[int, ...] = ()
    watch: tuple[str, ...] = ()
    patience: float = 0.15


@dataclass(frozen=True, slots=True)
class Report:
    """`outputs` as the commands of the script, `outcomes` as its probes, `watched` what the watcher printed."""

    outputs: tuple[Output, ...]
    outcomes: tuple[tuple[Outcome, ...], ...]
    watched: str = ""


def dump(data: Script | Report) -> str:
    return json.dumps(asdict(data))


def load_script(text: str) -> Script:
    data: Mapping[str, Any] = json.loads(text)
    world = data["world"]
    return Script(
        world=world
        and World(
            node=tuple(world["node"]),
            pods=tuple(map(tuple, world["pods"])),
            elsewhere=tuple(world["elsewhere"]),
            outside=tuple(world["outside"]),
        ),
        commands=tuple(Command(tuple(c["argv"]), c["stdin"]) for c in data["commands"]),
        probes=tuple(Probe(**p) for p in data["probes"]),
        ports=tuple(data["ports"]),
        watch=tuple(data["watch"]),
        patience=data["patience"],
    )


def load_report(text: str) -> Report:
    data: Mapping[str, Any] = json.loads(text)
    return Report(
        outputs=tuple(Output(**o) for o in data["outputs"]),
        outcomes=tuple(tuple(Outcome(**o) for o in probe) for probe in data["outcomes"]),
        watched=data["watched"],
    )
