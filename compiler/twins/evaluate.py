"""Run a program of `kcompile.evaluate.program` for many packets, in plain Python: the reference for
`kcompile.native.evaluate`.

Both follow the same path as `kcompile.evaluate.walk`, decide random numbers by the packet's own `choice`, and give the
same answers for every packet.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kcompile.evaluate import program as p
from kcompile.ir.ruleset import ADDRESS_TYPES, STATES, STATUSES

NEXT, TRANSLATED = -1, -2
LOCAL = ADDRESS_TYPES["local"]
PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = range(5)


def evaluate_ipv4(
    program: p.Program,
    seed: int,
    source: Any,
    destination: Any,
    protocol: Any,
    port: Any,
    source_port: Any,
    local: Any,
    mark: Any,
    choice: Any,
    verdict: Any,
    to: Any,
    to_port: Any,
    masquerade: Any,
    line: Any,
) -> None:
    """Fill the last five columns for the packets in the others: addresses as integers, ports, flags, random words.

    `source_port` is -1 where it is open. Empty columns are allowed of `source_port`, `local` and `mark`, as if all were
    open or 0, and of `choice`, for the numbers that `chosen` makes from `seed`.
    `verdict` is a number of `program.VERDICTS`, or SLOW for a packet that the program gives up on; `line` is that of
    the rule that decided, 0 for none.
    """
    for n in range(len(destination)):
        packet = _Packet(program, (0, source[n]), (0, destination[n]), chosen(choice, seed, n))
        packet.start(protocol[n], port[n], optional(source_port, n, -1), optional(mark, n, 0))
        verdict[n] = packet.run(bool(optional(local, n, 0)))
        to[n], to_port[n] = packet.destination[1], packet.state[p.DPORT]
        masquerade[n], line[n] = packet.masqueraded, packet.line


def evaluate_ipv6(
    program: p.Program,
    seed: int,
    source: Any,
    destination: Any,
    protocol: Any,
    port: Any,
    source_port: Any,
    local: Any,
    mark: Any,
    choice: Any,
    verdict: Any,
    to: Any,
    to_port: Any,
    masquerade: Any,
    line: Any,
) -> None:
    """`evaluate_ipv4` for addresses of 16 bytes each, in network order."""
    for n in range(len(protocol)):
        place = slice(16 * n, 16 * n + 16)
        packet = _Packet(
            program, _halves(bytes(source[place])), _halves(bytes(destination[place])), chosen(choice, seed, n)
        )
        packet.start(protocol[n], port[n], optional(source_port, n, -1), optional(mark, n, 0))
        verdict[n] = packet.run(bool(optional(local, n, 0)))
        to[place] = _same_type(to, packet.destination[0].to_bytes(8, "big") + packet.destination[1].to_bytes(8, "big"))
        to_port[n] = packet.state[p.DPORT]
        masquerade[n], line[n] = packet.masqueraded, packet.line


def optional(column: Any, n: int, otherwise: int) -> int:
    """An item of a column that may be empty."""
    return column[n] if len(column) else otherwise


def chosen(choice: Any, seed: int, n: int) -> int:
    """The random word of a packet."""
    return choice[n] if len(choice) else p.mix((seed + n * p.GOLDEN) & p.MASK64)


def _halves(text: bytes) -> tuple[int, int]:
    return int.from_bytes(text[:8], "big"), int.from_bytes(text[8:], "big")


def _same_type(column: Any, text: bytes) -> Any:
    return text if isinstance(column, bytearray | memoryview) else type(column)(column.typecode, text)


@dataclass(slots=True)
class _List:
    """A list of rules: the next place in `order`, and before that a single rule with its verdict, if it has one."""

    at: int
    single: int = -1
    verdict: int = -1


@dataclass(slots=True)
class _Frame:
    """A place in a chain: that of the next rule, or in a long chain lists of rules."""

    place: int
    lists: list[_List]


class _GiveUp(Exception):
    """The program cannot tell what becomes of this packet."""


class _Packet:
    """One packet on its way."""

    def __init__(self, program: p.Program, source: tuple[int, int], destination: tuple[int, int], choice: int) -> None:
        self.program = program
        self.state = [0] * p.FIELDS
        self.destination = destination
        self.random = choice
        self.masqueraded = 0
        self.translated = False
        self.line = 0
        self.hook = PREROUTING
        self.budget = p.MOST_RULES
        self._address(p.SOURCE, source)
        self._address(p.DESTINATION, destination)

    def start(self, protocol: int, port: int, source_port: int, mark: int) -> None:
        self.state[p.PROTOCOL], self.state[p.SPORT] = protocol, source_port
        self._port(port)
        self.state[p.MARK] = p.signed(mark)
        self._conntrack(self.program.first_state, 0)

    def _port(self, port: int) -> None:
        self.state[p.DPORT] = port
        self.state[p.SERVICE] = p.service(self.state[p.PROTOCOL], port)

    def _address(self, field: int, address: tuple[int, int]) -> None:
        program = self.program
        wanted = array("i", p.address_words(program.family, address[0] << 64 | address[1]))
        length = p.ADDRESS_ENTRY[program.family]
        slot = p.hash_address(*address) & program.address_mask
        while program.addresses[slot * length]:
            start = slot * length
            entry = program.addresses[start : start + length]
            if entry[p.ADDRESS_ITSELF : p.ADDRESS_ITSELF + len(wanted)] == wanted:
                self._settle(field, entry)
                return
            slot = (slot + 1) & program.address_mask
        edges = range(len(program.range_low))
        at = bisect_right(edges, address, key=lambda n: (program.range_high[n], program.range_low[n])) - 1
        self._settle(field, (0, p.packed(at, program.range_type[at]), 0))

    def _settle(self, field: int, entry: Sequence[int]) -> None:
        """Take the number, interval, type and flags of an address."""
        number, packed, flags = entry[: p.ADDRESS_ITSELF]
        types = (1 << p.TYPE_BITS) - 1
        self.state[field : field + 4] = number, packed >> p.TYPE_BITS, packed & types, flags

    def _conntrack(self, state: int, status: int) -> None:
        nat = STATES["dnat"] * bool(status & STATUSES["dnat"]) | STATES["snat"] * bool(status & STATUSES["snat"])
        self.state[p.CT_STATE], self.state[p.CT_STATUS], self.state[p.CT_STATE_AND_NAT] = state, status, state | nat

    def _draw(self, modulus: int) -> int:
        self.random = (self.random + p.GOLDEN) & p.MASK64
        return (p.mix(self.random) >> 32) * modulus >> 32

    def _find(self, space: int, words: Sequence[int]) -> int:
        """Where the value of a key stands; -1 where there is none."""
        program = self.program
        padded = (*words, *(0,) * (p.MOST_WORDS - len(words)))
        wanted = array("i", (space, *padded))
        slot = p.hash_key(space, padded) & program.key_mask
        while program.keys[slot * p.KEY_ENTRY] >= 0:
            start = slot * p.KEY_ENTRY
            if program.keys[start : start + p.KEY_VALUE] == wanted:
                return start + p.KEY_VALUE
            slot = (slot + 1) & program.key_mask
        return -1

    def _in_set(self, number: int, gate: Sequence[int], fields: Sequence[int]) -> int:
        """The value that a set holds for a packet; -1 where it has none. The gate is a field of flags and a flag."""
        side, flag = gate
        if not flag or self.state[side] & flag:
            found = self._find(number, [self.state[field] for field in fields])
            if found >= 0:
                return self.program.keys[found]
        words = self.program.rest_words
        at = self.program.rest_first[number]
        if at < 0:
            return -1
        count, width = words[at : at + 2]
        at += 2
        for _ in range(count):
            if self._inside_all(words[at : at + 3 * width]):
                return words[at + 3 * width]
            at += 3 * width + 1
        return -1

    def _inside_all(self, intervals: Sequence[int]) -> bool:
        return all(
            intervals[n + 1] <= self.state[intervals[n]] <= intervals[n + 2] for n in range(0, len(intervals), 3)
        )

    # ------------------------------------------------------------ the path

    def run(self, local: bool) -> int:
        """The verdict."""
        try:
            return self._run(local)
        except _GiveUp:
            return p.SLOW

    def _run(self, local: bool) -> int:
        program = self.program
        self.hook = OUTPUT if local else PREROUTING
        stage = program.hooks[self.hook]
        destination_done = source_done = caught = False
        while True:
            kind, lead, drops, flags = program.stages[stage : stage + p.STAGE]
            if kind == p.STAGE_END:
                own = self.state[p.DESTINATION_TYPE] == LOCAL
                if self.hook == PREROUTING:
                    self.hook, destination_done = INPUT if own else FORWARD, True
                elif self.hook in (OUTPUT, FORWARD):
                    self.hook, destination_done = POSTROUTING, True
                elif self.hook == POSTROUTING and local and own and not caught:
                    self.hook, source_done = PREROUTING, True
                else:
                    return p.DNAT if self.translated else p.ACCEPT
                stage = program.hooks[self.hook]
                continue
            if flags != p.ANYONE and not self.state[p.DESTINATION_FLAGS] & flags:
                stage += p.STAGE
                continue
            if kind == p.STAGE_CONNTRACK:
                if self.state[p.CT_STATE] == STATES["invalid"]:
                    self._conntrack(STATES["new"], self.state[p.CT_STATUS])
            elif kind == p.STAGE_IPVS:
                sent = -1 if caught else self._ipvs()
                if sent == 0:
                    return p.REJECT
                if sent > 0:
                    caught = destination_done = True
                    if sent == 2:
                        self.hook = OUTPUT
                        stage = program.hooks[self.hook]
                        continue
            elif kind == p.STAGE_FILTER or (
                self.state[p.CT_STATE] == STATES["new"]
                and not (destination_done if self.hook in (PREROUTING, OUTPUT) else source_done)
            ):
                before = self.translated, self.masqueraded
                ended = self._chain(lead)
                if ended >= 0:
                    return ended
                if ended == -2 and drops:
                    self.line = 0
                    return p.DROP
                if kind == p.STAGE_NAT and (self.translated, self.masqueraded) != before:
                    destination_done = destination_done or self.translated
                    source_done = source_done or bool(self.masqueraded)
            stage += p.STAGE

    def _ipvs(self) -> int:
        """What ipvs does: -1 nothing, 0 refuses, 1 sends to the host itself, 2 sends away."""
        program, state = self.program, self.state
        if state[p.CT_STATE] != STATES["new"]:
            return -1
        found = self._find(program.server_space, (state[p.DESTINATION], state[p.SERVICE]))
        if found < 0 and state[p.DESTINATION_FLAGS] & program.any_port_flag:
            found = self._find(program.server_space, (state[p.DESTINATION], p.service(state[p.PROTOCOL], 0)))
        if found < 0:
            return -1
        at = program.keys[found]
        total = program.server_words[at]
        if total < 0:
            raise _GiveUp
        if total == 0:
            return 0
        left = self._draw(total)
        at += 2
        while left >= program.server_words[at]:
            left -= program.server_words[at]
            at += p.SERVER[program.family]
        self._translate(program.server_words[at + 2 : at + p.SERVER[program.family]], 0, status=False)
        return 1 if program.server_words[at + 1] else 2

    def _translate(self, target: Sequence[int], line: int, status: bool = True) -> None:
        port, *entry = target
        if entry[p.ADDRESS_NUMBER] >= 0:
            self._settle(p.DESTINATION, entry)
            itself = sum((word & 0xFFFFFFFF) << 32 * n for n, word in enumerate(entry[p.ADDRESS_ITSELF :]))
            self.destination = itself >> 64, itself & p.MASK64
        if port >= 0:
            self._port(port)
        if status:
            self._conntrack(self.state[p.CT_STATE], self.state[p.CT_STATUS] | STATUSES["dnat"])
        self.translated = True
        self.line = line

    # ------------------------------------------------------------ chains and rules

    def _enter(self, lead: int) -> _Frame:
        """Where to look for the rules of a chain."""
        code, state = self.program.code, self.state
        chain = (lead - p.GO_CHAIN) >> 2
        if not (lead - p.GO_CHAIN) & p.LONG:
            return _Frame(chain, [])
        first, kinds, flag, *spaces = code[chain : chain + p.LONG_HEADER]
        lists = [_List(first)]
        for kind, key in enumerate(p.KEYS):
            if kinds >> kind & 1 and (p.DESTINATION not in key or state[p.DESTINATION_FLAGS] & flag):
                found = self._find(spaces[kind], [state[field] for field in key])
                if found >= 0:
                    value, place = self.program.keys[found : found + 2]
                    lists.append(_List(value) if place < 0 else _List(0, place, value))
        return _Frame(-1, lists)

    def _next_rule(self, frame: _Frame) -> tuple[int, int]:
        """The place of the next rule of a long chain, -1 at its end; and its verdict where that is known already."""
        order = self.program.order
        nearest = min(frame.lists, key=lambda each: each.single if each.single >= 0 else order[each.at])
        if nearest.single >= 0:
            place, verdict = nearest.single, nearest.verdict
            nearest.single = -1
            return place, verdict
        place = order[nearest.at]
        nearest.at += 1
        return (place, NEXT) if place < len(self.program.code) else (-1, NEXT)

    def _chain(self, lead: int) -> int:
        """Run a base chain: the packet's verdict, or -1 where it is accepted or translated, -2 for the policy."""
        frames = [self._enter(lead)]
        while frames:
            frame = frames[-1]
            if frame.lists:
                place, go = self._next_rule(frame)
                if place < 0:
                    frames.pop()
                    continue
                if go < 0:
                    go, _ = self._run_code(place)
                else:
                    self._spend()
                if go == NEXT:
                    continue
            else:
                go, frame.place = self._run_code(frame.place)
                if go == NEXT:
                    frames.pop()
                    continue
            if go >= p.GO_CHAIN:
                if (go - p.GO_CHAIN) & p.GOTO:
                    frames.pop()
                if len(frames) >= p.MOST_JUMPS:
                    raise _GiveUp
                frames.append(self._enter(go))
            elif go == TRANSLATED or go == p.GO_ACCEPT:
                return -1
            elif go == p.GO_RETURN:
                frames.pop()
            elif go == p.GO_DROP or go == p.GO_REJECT:
                return p.DROP if go == p.GO_DROP else p.REJECT
            elif go == p.GO_GIVE_UP:
                raise _GiveUp
        return -2

    def _spend(self) -> None:
        self.budget -= 1
        if self.budget < 0:
            raise _GiveUp

    def _run_code(self, at: int) -> tuple[int, int]:
        """Run instructions up to a verdict, which is NEXT for END and TRANSLATED where NAT has ended the chain; and the
        place behind the rule that gave it."""
        code, state = self.program.code, self.state
        behind = at
        while True:
            op, of = code[at] & p.OPCODE, code[at] >> 8
            matches = True
            if op == p.END:
                return NEXT, at
            if op == p.RULE:
                self._spend()
                behind = at + of
                at += 1
            elif op == p.CASCADE:
                self._spend()
                at += 2 * self._draw(of)
                return code[at + 1], at + 2
            elif op == p.EQUAL or op == p.NOT_EQUAL:
                matches = (state[of] == code[at + 1]) == (op == p.EQUAL)
                at += 2
            elif op == p.INSIDE or op == p.OUTSIDE:
                matches = (code[at + 1] <= state[of] <= code[at + 2]) == (op == p.INSIDE)
                at += 3
            elif op == p.MASKED or op == p.NOT_MASKED:
                matches = (p.signed(state[of] & code[at + 1]) == code[at + 2]) == (op == p.MASKED)
                at += 3
            elif op == p.SAME:
                matches = state[of] == state[code[at + 1]]
                at += 2
            elif op == p.AMONG:
                intervals = code[at + 2 : at + 2 + 3 * of]
                inside = any(self._inside_all(intervals[3 * n : 3 * n + 3]) for n in range(of))
                matches = inside != bool(code[at + 1])
                at += 2 + 3 * of
            elif op == p.MEMBER:
                inside = self._in_set(code[at + 2], code[at + 3 : at + 5], code[at + 5 : at + 5 + of]) >= 0
                matches = inside != bool(code[at + 1])
                at += 5 + of
            elif op == p.SOURCE_PORT:
                if state[p.SPORT] >= 0:
                    at += 2
                    continue
                if of == 2:
                    raise _GiveUp
                matches = of == 1
                at += 2 + code[at + 1]
            elif op == p.CHANCE:
                matches = self._draw(code[at + 2]) < code[at + 1]
                at += 3
            elif op == p.FLIP:
                state[of] = p.signed(state[of] & code[at + 1] ^ code[at + 2])
                at += 3
            elif op == p.SET:
                value = code[at + 2 + 2 * of]
                for n in range(of):
                    value ^= state[code[at + 2 + 2 * n]] & code[at + 3 + 2 * n]
                state[code[at + 1]] = p.signed(value)
                at += 3 + 2 * of
            elif op == p.UNTRACK:
                if state[p.CT_STATE] == STATES["invalid"]:
                    self._conntrack(STATES["untracked"], state[p.CT_STATUS])
                at += 1
            else:
                go = self._verdict(at)
                if go != NEXT:
                    return go, behind
                matches = False
            if not matches:
                at = behind

    def _verdict(self, at: int) -> int:
        """What the last instruction of a rule says; NEXT for nothing."""
        code, state = self.program.code, self.state
        op, of = code[at] & p.OPCODE, code[at] >> 8
        length = p.TARGET[self.program.family]
        if op == p.GO:
            return code[at + 1]
        if op == p.DECIDE:
            return self._decided(code[at + 1], code[at + 2])
        if op == p.MAP:
            value = self._in_set(code[at + 1], code[at + 4 : at + 6], code[at + 6 : at + 6 + of])
            return self._decided(value if value >= 0 else code[at + 2], code[at + 3])
        if op == p.DRAW:
            return self._decided(code[at + 2 + self._draw(of)], code[at + 1])
        if op == p.TRANSLATE:
            self._translate(code[at + 1 : at + 1 + length], of)
        elif op == p.SHARE:
            start = at + 3 + self._draw(of) * (1 + length)
            line, *target = code[start : start + 1 + length]
            if state[p.SOURCE] == target[1 + p.ADDRESS_NUMBER]:
                state[p.MARK] = p.signed(state[p.MARK] & code[at + 1] ^ code[at + 2])
            self._translate(target, line)
        elif op == p.TRANSLATE_MAP:
            number = self._in_set(code[at + 1], code[at + 3 : at + 5], code[at + 5 : at + 5 + of])
            if number < 0:
                return NEXT
            self._translate(self.program.targets[number * length : (number + 1) * length], code[at + 2])
        elif op == p.TRANSLATE_DRAW:
            start = at + 2 + self._draw(of) * length
            if code[start] == p.NO_TARGET:
                return NEXT
            self._translate(code[start : start + length], code[at + 1])
        elif op == p.REDIRECT:
            if self.hook != OUTPUT and state[p.SOURCE_TYPE] == LOCAL:
                raise _GiveUp
            home = 0 if self.hook == OUTPUT else 1 + state[p.SOURCE_RANGE]
            entry = self.program.homes[home * (length - 1) : (home + 1) * (length - 1)]
            self._translate((code[at + 2], *entry), code[at + 1])
        elif op == p.MASQUERADE:
            self.masqueraded = 1
            self._conntrack(state[p.CT_STATE], state[p.CT_STATUS] | STATUSES["snat"])
        else:
            raise _GiveUp
        return TRANSLATED

    def _decided(self, go: int, line: int) -> int:
        if go == p.GO_DROP or go == p.GO_REJECT:
            self.line = line
        return go
