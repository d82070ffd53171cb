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

MOST_JUMPS = 64
MOST_RULES = 100_000
"""Of the rules that one packet is held against; chains that go in a circle would never end."""
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

    `source_port` is -1 where it is open. An empty `choice` stands for the numbers that `chosen` makes from `seed`.
    `verdict` is a number of `program.VERDICTS`, or SLOW for a packet that the program gives up on; `line` is that of
    the rule that decided, 0 for none.
    """
    for n in range(len(destination)):
        packet = _Packet(program, (0, source[n]), (0, destination[n]), chosen(choice, seed, n))
        packet.start(protocol[n], port[n], source_port[n], mark[n])
        verdict[n] = packet.run(bool(local[n]))
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
        packet.start(protocol[n], port[n], source_port[n], mark[n])
        verdict[n] = packet.run(bool(local[n]))
        to[place] = _same_type(to, packet.destination[0].to_bytes(8, "big") + packet.destination[1].to_bytes(8, "big"))
        to_port[n] = packet.state[p.DPORT]
        masquerade[n], line[n] = packet.masqueraded, packet.line


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
    """A place in a chain: that of the next rule, or lists of rules."""

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
        self._address(p.SOURCE, source)
        self._address(p.DESTINATION, destination)

    def start(self, protocol: int, port: int, source_port: int, mark: int) -> None:
        self.state[p.PROTOCOL], self.state[p.DPORT], self.state[p.SPORT] = protocol, port, source_port
        self.state[p.MARK] = p.signed(mark)
        self._conntrack(STATES["invalid"], 0)

    def _address(self, field: int, address: tuple[int, int]) -> None:
        program = self.program
        wanted = array("i", p.address_words(address[0] << 64 | address[1]))
        slot = p.hash_address(*address) & program.address_mask
        while program.addresses[slot * p.ADDRESS_ENTRY]:
            start = slot * p.ADDRESS_ENTRY
            if program.addresses[start + p.ADDRESS_WORDS : start + p.ADDRESS_ENTRY] == wanted:
                self._settle(field, program.addresses[start : start + p.ADDRESS_WORDS])
                return
            slot = (slot + 1) & program.address_mask
        edges = range(len(program.range_low))
        at = bisect_right(edges, address, key=lambda n: (program.range_high[n], program.range_low[n])) - 1
        self._settle(field, (0, at, program.range_type[at], 0))

    def _settle(self, field: int, entry: Sequence[int]) -> None:
        """Take the number, interval, type and flags of an address."""
        self.state[field], self.state[field + 1], type_, flags = entry
        if field == p.SOURCE:
            self.state[p.SOURCE_TYPE] = type_
        else:
            self.state[p.DESTINATION_TYPE], self.state[p.DESTINATION_FLAGS] = type_, flags

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

    def _in_set(self, number: int, flag: int, fields: Sequence[int]) -> int:
        """The value that a set holds for a packet; -1 where it has none."""
        if self._flagged(flag):
            found = self._find(number, [self.state[field] for field in fields])
            if found >= 0:
                return self.program.keys[found]
        words = self.program.rest_words
        at = self.program.rest_first[number]
        count = words[at]
        at += 1
        for _ in range(count):
            inside = all(
                words[at + 3 * n + 1] <= self.state[words[at + 3 * n]] <= words[at + 3 * n + 2]
                for n in range(len(fields))
            )
            if inside:
                return words[at + 3 * len(fields)]
            at += 3 * len(fields) + 1
        return -1

    def _flagged(self, flag: int) -> bool:
        """Whether a look-up may find anything for this destination."""
        return not flag or bool(self.state[p.DESTINATION_FLAGS] & flag)

    # ------------------------------------------------------------ the path

    def run(self, local: bool) -> int:
        """The verdict."""
        try:
            return self._run(local)
        except _GiveUp:
            return p.SLOW

    def _run(self, local: bool) -> int:
        program = self.program
        hook = OUTPUT if local else PREROUTING
        stage = program.stage_first[hook]
        destination_done = source_done = caught = False
        budget = MOST_RULES
        while True:
            if stage == program.stage_first[hook + 1]:
                own = self.state[p.DESTINATION_TYPE] == LOCAL
                if hook == PREROUTING:
                    hook, destination_done = INPUT if own else FORWARD, True
                elif hook in (OUTPUT, FORWARD):
                    hook, destination_done = POSTROUTING, True
                elif hook == POSTROUTING and local and own and not caught:
                    hook, source_done = PREROUTING, True
                else:
                    return p.DNAT if self.translated else p.ACCEPT
                stage = program.stage_first[hook]
                continue
            kind = program.stage_kind[stage]
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
                        hook = OUTPUT
                        stage = program.stage_first[hook]
                        continue
            elif kind == p.STAGE_FILTER or (
                self.state[p.CT_STATE] == STATES["new"]
                and not (destination_done if hook in (PREROUTING, OUTPUT) else source_done)
            ):
                before = self.translated, self.masqueraded
                ended, budget = self._chain(program.stage_chain[stage], budget)
                if ended >= 0:
                    return ended
                if ended == -2 and program.stage_drops[stage]:
                    self.line = 0
                    return p.DROP
                if kind == p.STAGE_NAT and (self.translated, self.masqueraded) != before:
                    destination_done = destination_done or self.translated
                    source_done = source_done or bool(self.masqueraded)
            stage += 1

    def _ipvs(self) -> int:
        """What ipvs does: -1 nothing, 0 refuses, 1 sends to the host itself, 2 sends away."""
        program, state = self.program, self.state
        if state[p.CT_STATE] != STATES["new"] or not self._flagged(program.server_flag):
            return -1
        key = (state[p.DESTINATION], state[p.PROTOCOL], state[p.DPORT])
        found = self._find(program.server_space, key)
        if found < 0:
            found = self._find(program.server_space, (*key[:2], 0))
        if found < 0:
            return -1
        at = program.server_first[program.keys[found]]
        total = program.server_words[at]
        if total < 0:
            raise _GiveUp
        if total == 0:
            return 0
        left = self._draw(total)
        at += 2
        while left >= program.server_words[at]:
            left -= program.server_words[at]
            at += p.SERVER
        self._translate(program.server_words[at + 2 : at + p.SERVER], 0, status=False)
        return 1 if program.server_words[at + 1] else 2

    def _translate(self, target: Sequence[int], line: int, status: bool = True) -> None:
        port, number, range_, type_, flags, *words = target
        if number >= 0:
            self._settle(p.DESTINATION, (number, range_, type_, flags))
            first, second, third, fourth = (word & 0xFFFFFFFF for word in words)
            self.destination = fourth << 32 | third, second << 32 | first
        if port >= 0:
            self.state[p.DPORT] = port
        if status:
            self._conntrack(self.state[p.CT_STATE], self.state[p.CT_STATUS] | STATUSES["dnat"])
        self.translated = True
        self.line = line

    # ------------------------------------------------------------ chains and rules

    def _enter(self, chain: int) -> _Frame:
        """Where to look for the rules of a chain."""
        code, state = self.program.code, self.state
        space, first, kinds, flag = code[chain : chain + p.CHAIN_HEADER]
        if space < 0:
            return _Frame(chain + p.CHAIN_HEADER, [])
        lists = [_List(first)]
        for kind, key in enumerate(p.KEYS):
            if kinds >> kind & 1 and (p.DESTINATION not in key or self._flagged(flag)):
                found = self._find(space + kind, [state[field] for field in key])
                if found >= 0:
                    value, place = self.program.keys[found : found + 2]
                    lists.append(_List(value) if place < 0 else _List(0, place, value))
        return _Frame(0, lists)

    def _next_rule(self, frame: _Frame) -> tuple[int, int]:
        """The place of the next rule of a chain, -1 at its end; and its verdict where that is known already."""
        code, order = self.program.code, self.program.order
        if not frame.lists:
            place = frame.place
            frame.place += code[place]
            return (place, NEXT) if code[place] else (-1, NEXT)
        nearest = min(frame.lists, key=lambda each: each.single if each.single >= 0 else order[each.at])
        if nearest.single >= 0:
            place, verdict = nearest.single, nearest.verdict
            nearest.single = -1
            return place, verdict
        place = order[nearest.at]
        nearest.at += 1
        return (place, NEXT) if place < len(code) else (-1, NEXT)

    def _chain(self, chain: int, budget: int) -> tuple[int, int]:
        """Run a base chain: the packet's verdict, or -1 where it is accepted or translated, -2 for the policy."""
        code = self.program.code
        frames = [self._enter(chain)]
        while frames:
            place, go = self._next_rule(frames[-1])
            if place < 0:
                frames.pop()
                continue
            budget -= 1
            if budget < 0:
                raise _GiveUp
            if code[place + 1] == p.CASCADE:
                go = self._cascade(frames[-1], code[place + 2])
            elif go < 0:
                go = self._rule(place + 1)
            if go >= p.GO_CHAIN:
                if (go - p.GO_CHAIN) & 1:
                    frames.pop()
                if len(frames) >= MOST_JUMPS:
                    raise _GiveUp
                frames.append(self._enter((go - p.GO_CHAIN) >> 1))
            elif go == TRANSLATED or go == p.GO_ACCEPT:
                return -1, budget
            elif go == p.GO_RETURN:
                frames.pop()
            elif go == p.GO_DROP or go == p.GO_REJECT:
                return p.DROP if go == p.GO_DROP else p.REJECT, budget
            elif go == p.GO_GIVE_UP:
                raise _GiveUp
        return -2, budget

    def _cascade(self, frame: _Frame, count: int) -> int:
        """The verdict of one of the next `count` rules; a return leads to the one after it."""
        code = self.program.code
        chosen = self._draw(count)
        place = frame.place + chosen * p.CASCADE_RULE
        frame.place = place + code[place]
        return code[place + (2 if chosen == count - 1 else 5)]

    def _rule(self, at: int) -> int:
        """Run the instructions of a rule: its verdict, NEXT for none, TRANSLATED where NAT has ended the chain."""
        code, state = self.program.code, self.state
        while True:
            op = code[at]
            if op == p.END:
                return NEXT
            if op == p.EQUAL or op == p.NOT_EQUAL:
                if (state[code[at + 1]] == code[at + 2]) != (op == p.EQUAL):
                    return NEXT
                at += 3
            elif op == p.INSIDE or op == p.OUTSIDE:
                if (code[at + 2] <= state[code[at + 1]] <= code[at + 3]) != (op == p.INSIDE):
                    return NEXT
                at += 4
            elif op == p.MASKED or op == p.NOT_MASKED:
                if (p.signed(state[code[at + 1]] & code[at + 2]) == code[at + 3]) != (op == p.MASKED):
                    return NEXT
                at += 4
            elif op == p.AMONG:
                count = code[at + 2]
                inside = any(
                    code[at + 4 + 3 * n] <= state[code[at + 3 + 3 * n]] <= code[at + 5 + 3 * n] for n in range(count)
                )
                if inside == bool(code[at + 1]):
                    return NEXT
                at += 3 + 3 * count
            elif op == p.MEMBER:
                count = code[at + 3]
                inside = self._in_set(code[at + 2], code[at + 4], code[at + 5 : at + 5 + count]) >= 0
                if inside == bool(code[at + 1]):
                    return NEXT
                at += 5 + count
            elif op == p.SOURCE_PORT:
                if state[p.SPORT] >= 0:
                    at += 3
                    continue
                if code[at + 1] == 2:
                    raise _GiveUp
                if code[at + 1] == 0:
                    return NEXT
                at += 3 + code[at + 2]
            elif op == p.CHANCE:
                if self._draw(code[at + 2]) >= code[at + 1]:
                    return NEXT
                at += 3
            elif op == p.SET:
                count = code[at + 2]
                value = code[at + 3 + 2 * count]
                for n in range(count):
                    value ^= state[code[at + 3 + 2 * n]] & code[at + 4 + 2 * n]
                state[code[at + 1]] = p.signed(value)
                at += 4 + 2 * count
            elif op == p.GO:
                return self._decided(code[at + 1], code[at + 2])
            elif op == p.MAP:
                count = code[at + 2]
                value = self._in_set(code[at + 1], code[at + 5], code[at + 6 : at + 6 + count])
                return self._decided(value if value >= 0 else code[at + 3], code[at + 4])
            elif op == p.DRAW:
                return self._decided(code[at + 3 + self._draw(code[at + 1])], code[at + 2])
            elif op == p.TRANSLATE:
                self._translate(code[at + 2 : at + 2 + p.TARGET], code[at + 1])
                return TRANSLATED
            elif op == p.TRANSLATE_MAP:
                count = code[at + 2]
                number = self._in_set(code[at + 1], code[at + 4], code[at + 5 : at + 5 + count])
                if number < 0:
                    return NEXT
                self._translate(self.program.targets[number * p.TARGET : (number + 1) * p.TARGET], code[at + 3])
                return TRANSLATED
            elif op == p.TRANSLATE_DRAW:
                start = at + 3 + self._draw(code[at + 1]) * p.TARGET
                if code[start] == p.NO_TARGET:
                    return NEXT
                self._translate(code[start : start + p.TARGET], code[at + 2])
                return TRANSLATED
            elif op == p.MASQUERADE:
                self.masqueraded = 1
                self._conntrack(state[p.CT_STATE], state[p.CT_STATUS] | STATUSES["snat"])
                return TRANSLATED
            elif op == p.UNTRACK:
                if state[p.CT_STATE] == STATES["invalid"]:
                    self._conntrack(STATES["untracked"], state[p.CT_STATUS])
                at += 1
            else:
                raise _GiveUp

    def _decided(self, go: int, line: int) -> int:
        if go == p.GO_DROP or go == p.GO_REJECT:
            self.line = line
        return go
