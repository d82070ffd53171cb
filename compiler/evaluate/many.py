"""Evaluate packets by the million: columns in, columns out."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from kcompile.evaluate.packet import Host, Memory, Packet, Trace
from kcompile.evaluate.prepare import Prepared
from kcompile.evaluate.program import MASK64, SLOW, VERDICTS, mix
from kcompile.evaluate.walk import trace, with_virtual_addresses
from kcompile.ir.addresses import address, address_text
from kcompile.ir.ruleset import PROTOCOLS
from kcompile.twins.evaluate import chosen, optional

try:
    from kcompile.native.evaluate import evaluate_ipv4, evaluate_ipv6
except ImportError:
    from kcompile.twins.evaluate import evaluate_ipv4, evaluate_ipv6

_PROTOCOL_NAMES = {PROTOCOLS[name]: name for name in ("tcp", "udp", "sctp")}
_OPTIONAL = {"source_port": "i", "local": "B", "mark": "I", "choice": "Q"}
"""Columns that may be left out, with the type of their items."""

Columns = Mapping[str, Any]
"""Columns by name: anything that has the buffer protocol, such as array.array or a numpy array."""


def evaluate_many(
    prepared: Prepared, columns: Columns, host: Host | None = None, seed: int = 0
) -> dict[str, array[Any]]:
    """What becomes of the first packets of many connections, one after the other.

    Columns in: `source` and `destination` (IPv4: 32-bit unsigned integers; IPv6: 16 bytes each, network order),
    `protocol` (6, 17, 132; 8 bits) and `port` (16 bits); where wanted `source_port` (32 bits, -1 for open), `local`
    (8 bits, 1 for packets that the host itself sends), `mark` (32 bits), `choice` (64 random bits for each packet, to
    decide what chance decides; by default from `seed` and the packet's place) and `seconds` (doubles, for affinity).

    Columns out: `verdict` (a number of `VERDICTS`), `destination`, `port`, `masquerade`, and `line`: that of the
    rule that decided, 0 for none. Session affinity binds later packets as earlier ones fell. Raises ValueError for
    columns of different lengths.
    """
    node = with_virtual_addresses(prepared, host or Host())
    count = len(columns["port"])
    family = 6 if memoryview(columns["destination"]).nbytes == 16 * count and count else 4
    program = prepared.program(family, node)
    inputs = _inputs(columns, count, family)
    result: dict[str, array[Any]] = {
        "verdict": array("B", [0]) * count,
        "destination": array("I", [0]) * count if family == 4 else array("B", [0]) * (16 * count),
        "port": array("H", [0]) * count,
        "masquerade": array("B", [0]) * count,
        "line": array("i", [0]) * count,
    }
    evaluate = evaluate_ipv4 if family == 4 else evaluate_ipv6
    evaluate(program, seed & MASK64, *inputs.values(), *result.values())
    if bytes([SLOW]) in result["verdict"].tobytes():
        _slow_packets(prepared, family, node, inputs, seed, columns.get("seconds"), result)
    return result


def _inputs(columns: Columns, count: int, family: int) -> dict[str, Any]:
    width = 1 if family == 4 else 16
    found = {
        "source": columns["source"],
        "destination": columns["destination"],
        "protocol": columns["protocol"],
        "port": columns["port"],
        **{name: columns.get(name, array(type_)) for name, type_ in _OPTIONAL.items()},
    }
    for name, column in found.items():
        wanted = count * (width if name in ("source", "destination") else 1)
        if len(column) != wanted and not (name in _OPTIONAL and len(column) == 0):
            raise ValueError(f"column `{name}` has {len(column)} items, not {wanted}")
    return found


def _slow_packets(
    prepared: Prepared,
    family: int,
    host: Host,
    inputs: Mapping[str, Any],
    seed: int,
    seconds: Any,
    result: dict[str, array[Any]],
) -> None:
    """Follow the packets that the program gave up on, with what they leave in sets and lists."""
    memory = Memory()
    verdicts = result["verdict"].tobytes()
    n = verdicts.find(SLOW)
    while n >= 0:
        packet = _packet(inputs, n, family, float(seconds[n]) if seconds is not None else 0.0)
        found = trace(prepared, packet, host, memory)
        memory = _take(found, chosen(inputs["choice"], seed, n), n, family, result) or memory
        n = verdicts.find(SLOW, n + 1)


def _packet(inputs: Mapping[str, Any], n: int, family: int, seconds: float) -> Packet:
    def text(name: str) -> str:
        column = inputs[name]
        number = column[n] if family == 4 else int.from_bytes(bytes(column[16 * n : 16 * n + 16]), "big")
        return address_text(family, int(number))

    source_port = int(optional(inputs["source_port"], n, -1))
    return Packet(
        text("source"),
        text("destination"),
        int(inputs["port"][n]),
        _PROTOCOL_NAMES.get(int(inputs["protocol"][n]), "other"),  # type: ignore[arg-type]
        local=bool(optional(inputs["local"], n, 0)),
        source_port=source_port if source_port >= 0 else None,
        mark=int(optional(inputs["mark"], n, 0)),
        seconds=seconds,
    )


def _take(found: Trace, choice: int, n: int, family: int, result: dict[str, array[Any]]) -> Memory | None:
    """Take one of a trace's outcomes, each as likely as it is; the memory that it leaves."""
    left = Fraction(mix(int(choice)), 1 << 64)
    for outcome in found.outcomes:
        left -= outcome.probability
        if left < 0:
            break
    result["verdict"][n] = VERDICTS.index(outcome.verdict)
    result["masquerade"][n] = outcome.masquerade
    result["line"][n] = 0
    if outcome.to is not None:
        host, _, port = outcome.to.rpartition(":")
        number = address(host.strip("[]"))[1]
        result["port"][n] = int(port)
        if family == 4:
            result["destination"][n] = number
        else:
            result["destination"][16 * n : 16 * n + 16] = array("B", number.to_bytes(16, "big"))
    ends = (end for end in found.ends() if end.outcome == outcome.bare)
    end = next(ends, None)
    if end is not None and end.decided is not None and end.decided.rule is not None:
        result["line"][n] = end.decided.rule.line
    return end.memory if end else None


__all__ = ["VERDICTS", "Columns", "evaluate_many"]
