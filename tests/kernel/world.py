"""The inside of the rig: build a world of namespaces, load rules into its node, make real connections, report.

Runs as a child process under `unshare -Urnm`, reads a `Script` as JSON from standard input and prints a `Report`:
one pinned thread serves and connects with non-blocking sockets, so that veth delivers every packet inside the system
call that sends it and nothing depends on scheduling.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.kernel.namespaces import Namespace, create, current, inside, ip, sysctl
from tests.kernel.scenario import (
    NODE,
    OUTSIDE,
    Command,
    Outcome,
    Output,
    Probe,
    Report,
    Script,
    World,
    dump,
    load_script,
)

NETLINK_NETFILTER = 12
WATCHER_STARTS = 10
"""Seconds within which a watcher listens, on a machine that has much else to do."""
WATCHER_PAUSE = 0.0005
"""Seconds between two looks at what a watcher does."""

LAST_LOOK = 0.01
"""Seconds to wait for an event also when patience has run out: time may have gone by without this thread."""

GATEWAY_4 = "169.254.1.1"
GATEWAY_6 = "fe80::a9fe:101"  # no node of these tests has it
ANY_ADDRESS_TABLE = "100"
# linux/in6.h; the socket module lacks them.
IPV6_RECVERR = 25
IPV6_TRANSPARENT = 75

# Neighbours are static everywhere, so that no packet waits for ARP or neighbour discovery, and no interface of the
# node but the uplink has an address, so that masquerading chooses the node's own.
NODE_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv4/conf/all/route_localnet": "1",  # node ports on 127.0.0.1, as kube-proxy sets it
    "net/ipv4/conf/all/send_redirects": "0",
    # No limit on any kind of ICMP error, else refusals turn into silence now and then.
    "net/ipv4/icmp_ratemask": "0",
    "net/ipv6/icmp/ratemask": "0",
}
PLACE_SYSCTLS = {
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    # A packet from outside that the node passes on comes back to where it started.
    "net/ipv4/conf/all/accept_local": "1",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/accept_redirects": "0",
    "net/ipv6/conf/default/router_solicitations": "0",
}


def build(world: World) -> dict[str, Namespace]:
    """The namespaces of a world by place; this thread's own becomes the node."""
    node = current(NODE)
    ip("link set lo up")
    sysctl(PLACE_SYSCTLS)
    sysctl(NODE_SYSCTLS)
    places = {NODE: node}
    for number, (name, addresses) in enumerate(world.around()):
        places[name] = create(name)
        _connect(places[name], number, world.interface(name), addresses)
    uplink = world.interface(OUTSIDE)
    ip(
        *(f"address add {address}/{_bits(address)} dev {uplink} {_nodad(address)}" for address in world.node),
        f"route replace default via {GATEWAY_4} dev {uplink} onlink",
        f"route replace default via {GATEWAY_6} dev {uplink}",
        f"neighbour replace {GATEWAY_4} lladdr {_mac(0, far=True)} dev {uplink} nud permanent",
        f"neighbour replace {GATEWAY_6} lladdr {_mac(0, far=True)} dev {uplink} nud permanent",
    )
    with inside(places[OUTSIDE]):
        any_address = (
            f"rule add iif eth0 lookup {ANY_ADDRESS_TABLE}",
            f"route add local default dev lo table {ANY_ADDRESS_TABLE}",
        )
        ip(*any_address)
        ip(*any_address, family=6)
    return places


def _connect(place: Namespace, number: int, link: str, addresses: tuple[str, ...]) -> None:
    """Hang a place off the node: a veth, its addresses, a route for each at the node, a default route back."""
    ip(
        f"link add {link} address {_mac(number)} type veth"
        f" peer name eth0 address {_mac(number, far=True)} netns {place.path}",
        f"link set {link} up",
    )
    with inside(place):
        sysctl(PLACE_SYSCTLS)
        ip(
            *(f"address add {address}/{_bits(address)} dev eth0 {_nodad(address)}" for address in addresses),
            "link set eth0 up",
            f"route add default via {GATEWAY_4} dev eth0 onlink",
            f"route add default via {GATEWAY_6} dev eth0",
            f"neighbour add {GATEWAY_4} lladdr {_mac(number)} dev eth0 nud permanent",
            f"neighbour add {GATEWAY_6} lladdr {_mac(number)} dev eth0 nud permanent",
        )
    ip(
        *(f"route add {address}/{_bits(address)} dev {link}" for address in addresses),
        *(f"neighbour add {address} lladdr {_mac(number, far=True)} dev {link} nud permanent" for address in addresses),
    )


def _mac(number: int, *, far: bool = False) -> str:
    return f"02:00:00:{int(far):02x}:{number >> 8:02x}:{number & 255:02x}"


def _bits(address: str) -> int:
    return 128 if ":" in address else 32


def _nodad(address: str) -> str:
    return "nodad" if ":" in address else ""


@dataclass(frozen=True, slots=True)
class Listener:
    place: str
    socket: socket.socket
    port: int
    stream: bool


class Servers:
    """A TCP and a UDP socket for each place and port; they answer with where a packet arrived and from whom."""

    def __init__(self, places: dict[str, Namespace], ports: tuple[int, ...]) -> None:
        self._listeners: dict[int, Listener] = {}
        self._poll = select.epoll()
        for name, namespace in places.items():
            with inside(namespace):
                for port in ports:
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        self._listen(name, port, kind)

    def _listen(self, place: str, port: int, kind: socket.SocketKind) -> None:
        server = socket.socket(socket.AF_INET6, kind)
        server.setblocking(False)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # OUTSIDE answers for addresses that it does not have.
        server.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
        if kind == socket.SOCK_DGRAM:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        server.bind(("::", port))
        if kind == socket.SOCK_STREAM:
            server.listen(128)
        self._listeners[server.fileno()] = Listener(place, server, port, kind == socket.SOCK_STREAM)
        self._poll.register(server, select.EPOLLIN)

    def serve_until(self, client: socket.socket, events: int, patience: float) -> bool:
        """Answer whoever calls until `events` show on the client; False when patience runs out first."""
        deadline = time.monotonic() + patience
        self._poll.register(client, events)
        try:
            while True:
                left = deadline - time.monotonic()
                happened = self._poll.poll(max(left, LAST_LOOK))
                ready = False
                for fd, _ in happened:
                    if listener := self._listeners.get(fd):
                        self._answer(listener)
                    else:
                        ready = True
                if ready:
                    return True
                if left < 0 and not happened:
                    return False
        finally:
            self._poll.unregister(client)

    def _answer(self, listener: Listener) -> None:
        try:
            if listener.stream:
                connection, peer = listener.socket.accept()
                with connection:
                    connection.send(_identity(listener.place, connection.getsockname()[0], listener.port, peer[0]))
                return
            _, ancillary, _, peer = listener.socket.recvmsg(64, socket.CMSG_SPACE(20))
            packet_info = next(data for _, kind, data in ancillary if kind == socket.IPV6_PKTINFO)
            local = socket.inet_ntop(socket.AF_INET6, packet_info[:16])
            # Interface 0: the route decides, as with any answer.
            reply_from = packet_info[:16] + struct.pack("i", 0)
            listener.socket.sendmsg(
                [_identity(listener.place, local, listener.port, peer[0])],
                [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, reply_from)],
                0,
                peer,
            )
        except OSError as problem:
            # An ICMP error for an earlier answer, or a client that went away: the probe shows it.
            if problem.errno not in (errno.EAGAIN, errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE):
                raise


def _identity(place: str, address: str, port: int, client: str) -> bytes:
    address, client = address.removeprefix("::ffff:"), client.removeprefix("::ffff:")
    server = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return f"{place} {server} {client}".encode()


def connect(probe: Probe, places: dict[str, Namespace], servers: Servers, patience: float) -> Outcome:
    """Make one connection."""
    family = socket.AF_INET6 if ":" in probe.to else socket.AF_INET
    kind = socket.SOCK_STREAM if probe.protocol == "tcp" else socket.SOCK_DGRAM
    with inside(places[probe.origin]):
        client = socket.socket(family, kind)
    with client:
        client.setblocking(False)
        if family == socket.AF_INET6:
            # Else TCP takes a refusal that comes within connect() for a passing error, and tries again in a second.
            client.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        if probe.source:
            client.bind((probe.source, 0))
        try:
            status = client.connect_ex((probe.to, probe.port))
            if status == errno.EINPROGRESS:
                if not servers.serve_until(client, select.EPOLLOUT, patience):
                    return Outcome("silent")
                status = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if status:
                return _failure(status)
            if probe.protocol == "udp":
                _ask(client)
            if not servers.serve_until(client, select.EPOLLIN, patience):
                return Outcome("silent")
            place, server, source = client.recv(256).decode().split(" ")
        except OSError as problem:
            return _failure(problem.errno or 0)
    return Outcome("answered", place, server, source)


def _ask(client: socket.socket) -> None:
    """Send a datagram. A drop or reject on the way out shows as EPERM; the ICMP error then tells which it was."""
    with contextlib.suppress(PermissionError):
        client.send(b"?")


def _failure(status: int) -> Outcome:
    if status == errno.ECONNREFUSED:
        return Outcome("refused")
    if status in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return Outcome("unreachable")
    raise OSError(status, os.strerror(status))


def run(command: Command, lock: str) -> Output:
    """Run a command in this thread's namespace; iptables-legacy takes `lock` instead of a file that root owns."""
    done = subprocess.run(
        command.argv,
        input=command.stdin,
        capture_output=True,
        text=True,
        env={**os.environ, "XTABLES_LOCKFILE": lock},
    )
    return Output(done.returncode, done.stdout, done.stderr)


def perform(script: Script) -> Report:
    """Build the world, load the rules, make the connections."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    places = build(script.world) if script.world else {}
    ports = sorted({*script.ports, *(probe.port for probe in script.probes)})
    servers = Servers(places, tuple(ports))
    with tempfile.TemporaryDirectory() as folder:
        outputs = tuple(run(command, f"{folder}/xtables.lock") for command in script.commands)
        with open(f"{folder}/watched", "w+") as log:
            watcher = _start_watcher(script.watch, log.fileno(), processors)
            outcomes = []
            for probe in script.probes:
                outcomes.append(tuple(connect(probe, places, servers, script.patience) for _ in range(probe.count)))
                if watcher:
                    _let_catch_up(watcher)
            if watcher:
                while not _waits(watcher):
                    time.sleep(WATCHER_PAUSE)
                watcher.terminate()
                watcher.wait()
            log.seek(0)
            watched = log.read()
    return Report(outputs, tuple(outcomes), watched)


def _start_watcher(argv: tuple[str, ...], log: int, processors: set[int]) -> subprocess.Popen[bytes] | None:
    if not argv:
        return None
    # By lines, or what it has not yet written when it is ended would be lost.
    watcher = subprocess.Popen(["stdbuf", "-oL", *argv], stdout=log, stderr=sys.stderr)
    os.sched_setaffinity(watcher.pid, processors)
    latest = time.monotonic() + WATCHER_STARTS
    while not any(int(each.groups, 16) for each in _netfilter_sockets()):
        if watcher.poll() is not None or time.monotonic() > latest:
            raise RuntimeError(f"the watcher does not listen; its status is {watcher.poll()}")
        time.sleep(WATCHER_PAUSE)
    return watcher


def _let_catch_up(watcher: subprocess.Popen[bytes]) -> None:
    """Wait until the watcher has read what happened, or the next events would overrun its socket."""
    while watcher.poll() is None:
        watching = _netfilter_sockets()
        if any(int(each.drops) for each in watching):
            raise RuntimeError("events were lost: the watcher is too slow")
        if not any(int(each.unread) for each in watching):
            return
        time.sleep(WATCHER_PAUSE)
    raise RuntimeError(f"the watcher has ended with status {watcher.returncode}")


def _waits(watcher: subprocess.Popen[bytes]) -> bool:
    """Whether a watcher sleeps until there is more to read: then it has written what it had read."""
    # proc(5): the state follows the name, which may hold parentheses.
    state = Path(f"/proc/{watcher.pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state in ("S", "Z")


class _NetlinkSocket(NamedTuple):
    """A line of /proc/net/netlink: `groups` in hexadecimal digits, `unread` in bytes."""

    address: str
    protocol: str
    port: str
    groups: str
    unread: str
    unsent: str
    dump: str
    locks: str
    drops: str
    inode: str


def _netfilter_sockets() -> list[_NetlinkSocket]:
    lines = Path("/proc/self/net/netlink").read_text().splitlines()[1:]
    sockets = [_NetlinkSocket(*line.split()) for line in lines]
    return [each for each in sockets if int(each.protocol) == NETLINK_NETFILTER]


if __name__ == "__main__":
    print(dump(perform(load_script(sys.stdin.read()))))
