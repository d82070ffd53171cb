"""What ipvs makes of a new connection to a virtual server."""

from __future__ import annotations

from fractions import Fraction

from kcompile.evaluate.packet import Memory
from kcompile.evaluate.state import State
from kcompile.ir.ruleset import RealServer, VirtualServer

# Schedulers by how they share out connections. Those that count connections, or hash their addresses, come out in
# proportion to the weights over many clients; rr takes no notice of weights; fo and ovf fill the heaviest server first.
UNWEIGHTED = frozenset({"rr", "lc", "dh", "lblc", "lblcr"})
HEAVIEST_FIRST = frozenset({"fo", "ovf"})


def shares(server: VirtualServer, state: State) -> tuple[tuple[Fraction, RealServer, Memory], ...]:
    """The real servers that may get a new connection, each with its share and the memory afterwards.

    A server of weight 0 gets no new connections. A persistent virtual server sends a client where it sent it before.
    """
    usable = weights(server)
    if not usable:
        return ()
    client = _client(server, state)
    name = f"ipvs {server.protocol} {server.address} {server.port} {server.mark}"
    if server.persistence:
        known = state.memory.get(name, client)
        if known and known[0] > state.seconds:
            held = tuple((real, weight) for real, weight in usable if _address(real, state) == known[1])
            usable = held[:1] or usable
    total = sum(weight for _, weight in usable)
    sent = []
    for real, weight in usable:
        memory = state.memory
        if server.persistence:
            memory = memory.keep(name, client, (state.seconds + server.persistence, _address(real, state)))
        sent.append((Fraction(weight, total), real, memory))
    return tuple(sent)


def weights(server: VirtualServer) -> tuple[tuple[RealServer, int], ...]:
    """The real servers that may get new connections, each with its weight as its scheduler sees it."""
    usable = [real for real in server.servers if real.weight > 0]
    if server.scheduler in HEAVIEST_FIRST:
        usable = sorted(usable, key=lambda real: -real.weight)[:1]
    return tuple((real, 1 if server.scheduler in UNWEIGHTED else real.weight) for real in usable)


def _client(server: VirtualServer, state: State) -> int:
    """The client's address under the virtual server's persistence netmask."""
    bits = 32 if state.family == 4 else 128
    rest = bits - (bits if server.netmask is None else server.netmask)
    return state.saddr >> rest << rest


def _address(real: RealServer, state: State) -> tuple[str, int]:
    return real.address, real.port or state.dport
