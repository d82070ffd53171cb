"""Virtual servers as `ipvsadm -L -n` lists them, in version 1.31, without connections."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from functools import cmp_to_key
from typing import Any

from kcompile.ir.addresses import address, endpoint_text
from kcompile.ir.ruleset import PROTOCOLS, RealServer, VirtualServer

HEADER = (
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port Scheduler Flags",
    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
)
_FORWARD = {"masq": "Masq", "gate": "Route", "ipip": "Tunnel"}

_OWN_FLAGS = {"sh": ("sh-fallback", "sh-port"), "mh": ("mh-fallback", "mh-port")}
_ANY_FLAGS = ("flag-1", "flag-2", "flag-3")
"""The flags of a scheduler by their bits; sh and mh have names for theirs."""


def listing(servers: Sequence[VirtualServer]) -> Iterator[str]:
    """The lines for virtual servers, sorted as ipvsadm sorts them."""
    yield from HEADER
    for server in sorted(servers, key=_order):
        yield _virtual(server)
        for real in sorted(server.servers, key=_order_of_real):
            where = endpoint_text(*address(real.address), real.port)
            yield f"  -> {where:<28} {_FORWARD[real.forwarding]:<7} {real.weight:<6} {0:<10} {0:<10}"


def _virtual(server: VirtualServer) -> str:
    if server.protocol == "fwmark":
        words = ["FWM ", str(server.mark), *(["IPv6"] if _family(server) == 6 else [])]
    else:
        words = [f"{server.protocol.upper():<4}", endpoint_text(*address(server.address), server.port)]
    words.append(server.scheduler)
    if flags := _scheduler_flags(server):
        words.append(f"({','.join(flags)})")
    if server.persistence:
        words += ["persistent", str(server.persistence), *_mask(server)]
        if server.engine:
            words += ["pe", server.engine]
    if "ops" in server.flags:
        words.append("ops")
    return " ".join(words)


def _scheduler_flags(server: VirtualServer) -> list[str]:
    names = _OWN_FLAGS.get(server.scheduler, _ANY_FLAGS)
    return [name for name, bit in zip(names, _ANY_FLAGS, strict=False) if {name, bit} & set(server.flags)]


def _mask(server: VirtualServer) -> tuple[str, ...]:
    """The netmask of clients, unless each is one of its own."""
    if server.netmask is None:
        return ()
    if _family(server) == 6:
        return ("mask", str(server.netmask)) if server.netmask < 128 else ()
    mask = ipaddress.IPv4Network((0, server.netmask)).netmask
    return ("mask", str(mask)) if server.netmask < 32 else ()


def _family(server: VirtualServer) -> int:
    if server.protocol == "fwmark":
        return 6 if "ipv6" in server.flags else 4
    return address(server.address)[0]


# ---------------------------------------------------------------- the order
# ipvsadm subtracts numbers of 32 bits and looks at the sign: 192.168.0.1 comes before 10.0.0.1, as more than half of
# all addresses lie between the two. Where three addresses go in a circle that way, the order of the kernel's table
# decides, which differs between boots; what is in ipvsadm's order already stays in it.


def _difference(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    for here, there in zip(one, other, strict=False):
        if here != there:
            difference = here - there & 0xFFFFFFFF
            return difference - (1 << 32) if difference >> 31 else difference
    return 0


_key = cmp_to_key(_difference)


def _order(server: VirtualServer) -> Any:
    if server.protocol == "fwmark":
        return _key((server.mark, _family(server)))
    family, *words = _words(server.address)
    return _key((0, family, PROTOCOLS[server.protocol], *words, server.port))


def _order_of_real(real: RealServer) -> Any:
    return _key((*_words(real.address)[1:], real.port))


def _words(text: str) -> tuple[int, ...]:
    """The family of an address, and the address in numbers of 32 bits, as the kernel holds it."""
    family, number = address(text)
    return (family, number, 0, 0, 0) if family == 4 else (family, *(number >> n & 0xFFFFFFFF for n in (96, 64, 32, 0)))
