"""Make the program of a ruleset for one address family and one host."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import NamedTuple

from kcompile.evaluate import program as p
from kcompile.evaluate.code_words import Entry, Lead, Word, Words, op
from kcompile.evaluate.gates import either, gated, gates
from kcompile.evaluate.hash_spaces import Gate, HashSpaces, Key
from kcompile.evaluate.ipvs import weights
from kcompile.evaluate.layout import Layout
from kcompile.evaluate.packet import Host
from kcompile.evaluate.prepare import HOOKS, Prepared, Stage
from kcompile.evaluate.rule_code import RuleCode, RuleWriter, sharing
from kcompile.evaluate.rule_facts import constants, targets
from kcompile.evaluate.simplify import simplified
from kcompile.ir.addresses import ADDRESS_MAX, address
from kcompile.ir.ruleset import PROTOCOLS, STATES, Interval, NoTrack, VirtualServer

END_OF_LIST = (1 << 31) - 1
FEW_RULES = 8
"""Up to as many rules that want certain values are looked at one by one, rather than found by hash."""


def assemble(prepared: Prepared, family: int, host: Host) -> p.Program:
    """The program of a ruleset."""
    layout = Layout(prepared, family, host)
    _place_chains(layout)
    for interval in _host_intervals(layout):
        layout.addresses.add(interval)
    for placed in layout.rules:
        for interval in constants(placed.rule, placed.table, layout):
            layout.addresses.add(interval)
    layout.addresses.freeze()
    program = p.Program(family=family)
    program.order.append(END_OF_LIST)
    spaces = HashSpaces(program)
    writer = RuleWriter(layout, program, spaces)
    chains = _write_chains(layout, program, writer, spaces)
    servers, served = _write_servers(layout, program, writer, spaces)
    _write_stages(layout, program, chains, served)

    def finished(words: Iterable[Word]) -> Iterator[int]:
        for word in words:
            if isinstance(word, int):
                yield word
            elif isinstance(word, Lead):
                yield chains.leads[word.chain] + p.GOTO * word.goto
            elif isinstance(word, Entry):
                if word.address is None:
                    yield from (p.STAYS,) * (p.TARGET[family] - 1)
                else:
                    yield from layout.addresses.entry(word.address, spaces.flags)

    layout.addresses.write(program, spaces.flags)
    program.code.extend(finished(chains.code))
    program.rest_words.extend(finished(writer.sets.rest))
    program.targets.extend(finished(writer.statements.targets))
    program.server_words.extend(finished(servers))
    if writer.statements.redirects:
        program.homes.extend(finished(map(Entry, _homes(layout))))
    spaces.write(
        [
            key._replace(value=next(finished([key.value])), ahead=_ahead(program, chains.leads, key))
            for key in spaces.keys
        ]
    )
    return program


def _ahead(program: p.Program, leads: Sequence[int], key: Key) -> int:
    """Where the entry of a key leads: to a virtual server where there are any, else to a chain or a rule."""
    if program.server_space >= 0:
        return key.value if key.space == program.server_space and isinstance(key.value, int) else 0
    return (leads[key.value.chain] - p.GO_CHAIN) >> 2 if isinstance(key.value, Lead) else max(key.place, 0)


def _place_chains(layout: Layout) -> None:
    """Number the chains that packets come to, each followed by those that it leads to: the chains of one packet should
    lie near each other in memory."""
    stages = [stage for _, each in layout.hooks() for stage in each]
    tracks = not any(
        isinstance(item, NoTrack)
        for table in layout.prepared.ruleset.tables
        for chain in table.chains.values()
        for rule in chain.rules
        for item in rule.items
    )
    early = [stage for hook in ("prerouting", "output") for stage in _before_conntrack(layout, hook)]
    for stage in early:
        _place_from(layout, stage, always_new=False)
    for stage in stages:
        _place_from(layout, stage, always_new=tracks)


def _before_conntrack(layout: Layout, hook: str) -> list[Stage]:
    stages = layout.prepared.stages[layout.family, hook]
    return list(stages[: next(n for n, stage in enumerate(stages) if stage.kind == "conntrack")])


def _place_from(layout: Layout, stage: Stage, always_new: bool) -> None:
    if stage.table is None or stage.chain is None:
        return
    waiting = [stage.chain]
    while waiting:
        chain = waiting.pop()
        if layout.number(stage.table, chain.name) is not None:
            continue
        layout.place(stage.table, chain, always_new)
        names = [name for rule in chain.rules for name in dict.fromkeys(targets(rule, stage.table))]
        for name in names:
            layout.note_jump(stage.table, name)
        found = [stage.table.chains.get(name) for name in reversed(names)]
        waiting += [each for each in found if each is not None]


def _host_intervals(layout: Layout) -> Iterator[Interval]:
    """What has a type of its own: the host's addresses, loopback, broadcast, multicast; and the addresses of ipvs. And
    the host's networks, because redirected packets go to the address in the sender's."""
    for text in layout.host.addresses:
        family, number = address(text.partition("/")[0])
        if family == layout.family:
            yield number, number
            network = ip_network(text, strict=False)
            yield int(network.network_address), int(network.broadcast_address)
    for number in layout.host.broadcasts(layout.family):
        yield number, number
    if layout.family == 4:
        yield 0x7F000001, 0x7F000001
        yield 0x7F000000, 0x7FFFFFFF
        yield 0xE0000000, 0xEFFFFFFF
    else:
        yield 1, 1
        yield 0xFF << 120, ADDRESS_MAX[6]
    for server in _servers(layout):
        yield (address(server.address)[1],) * 2
        for real in server.servers:
            yield (address(real.address)[1],) * 2


# ---------------------------------------------------------------- chains


@dataclass(frozen=True, slots=True)
class _Index:
    """How the rules of a long chain are found: by KEYS, with the hash space and the gate of each. `flags` are those of
    the destinations that its rules may match, ANYONE if there may be others."""

    places: Mapping[int, int]
    gates: Mapping[int, Gate]
    flags: int


class _Chains(NamedTuple):
    """Chains in a program: their code, and of each what leads to it and the flags of the destinations that its rules
    may match: ANYONE for any, 0 for none."""

    code: Words
    leads: list[int]
    flags: list[int]


def _write_chains(layout: Layout, program: p.Program, writer: RuleWriter, spaces: HashSpaces) -> _Chains:
    chains = simplified(layout, writer)
    indexes = _indexes(chains, layout.bases, spaces)
    code: Words = []
    leads: list[int] = []
    known = {number: index.flags for number, index in indexes.items() if index.flags != p.ANYONE}
    flags = gates(chains, known, program.rest_first)
    for number, simple in enumerate(chains):
        index = indexes.get(number)
        rules = [gated(rule, flags, program.rest_first, rule is simple[-1]) for rule in simple]
        short = _short(rules) if index is None else []
        code += [p.END] * _padding(len(code), p.LONG_HEADER if index else len(short))
        leads.append(p.GO_CHAIN + 4 * len(code) + p.LONG * (index is not None))
        code += _long(program, spaces, rules, index, len(code)) if index else short
    return _Chains(code, [leads[_first_with_more(chains, number)] for number in range(len(chains))], flags)


def _indexes(chains: Sequence[Sequence[RuleCode]], bases: Collection[int], spaces: HashSpaces) -> dict[int, _Index]:
    """The indexes of the chains that are long. So is a short one that all packets come to but few can match: its flags
    keep the others away."""
    near = {rule.lead.chain for number in bases for rule in chains[number] if rule.lead} | {*bases}
    found: dict[int, _Index] = {}
    for number, rules in enumerate(chains):
        kinds = [_kind_of(rule.wanted) for rule in rules]
        for_few = len(rules) > 0 and all(kind >= 0 and p.DESTINATION in p.KEYS[kind] for kind in kinds)
        if sum(kind >= 0 for kind in kinds) <= FEW_RULES and not (for_few and number in near):
            continue
        places = {kind: spaces.space(p.KEYS[kind]) for kind in sorted({*kinds} - {-1})}
        sides = {kind: spaces.gate(place, p.KEYS[kind]) for kind, place in places.items()}
        for kind, place in places.items():
            spaces.leads(place, p.KEYS[kind], sides[kind])
        found[number] = _Index(places, sides, either([gate.flag for gate in sides.values()]) if for_few else p.ANYONE)
    return found


def _padding(place: int, words: int) -> int:
    """What to leave free so that so many words are spread over no more lines of memory than they need."""
    lines = (place % p.LINE + words + p.LINE - 1) // p.LINE
    return -place % p.LINE if lines > (words + p.LINE - 1) // p.LINE else 0


def _first_with_more(chains: Sequence[Sequence[RuleCode]], number: int) -> int:
    """The chain that one leads to whose only rule is a jump: base chains often have no other."""
    for _ in range(p.MOST_JUMPS):
        rules = chains[number]
        if len(rules) != 1 or rules[0].matches or rules[0].lead is None:
            break
        number = rules[0].lead.chain
    return number


def _short(rules: Sequence[RuleCode]) -> Words:
    """The words of a chain that is run from its first rule to its last."""
    body: Words = []
    number = 0
    ended = False
    while number < len(rules):
        leads = [rule.lead_by_chance for rule in rules[number : number + sharing(rules, number)]]
        if leads and all(leads):
            for left, lead in zip(range(len(leads), 0, -1), leads, strict=True):
                assert lead is not None
                body += [op(p.CASCADE, left), lead]
            number += len(leads)
            continue
        words = rules[number].words
        number += 1
        if number == len(rules) and isinstance(words[-1], Lead):
            # Nothing comes after the last rule's jump.
            words[-1] = words[-1]._replace(goto=True)
        body += [op(p.RULE, 1 + len(words)), *words]
        ended = number == len(rules) and rules[-1].is_final
    return body if ended else [*body, p.END]


def _kind_of(fields: dict[int, int]) -> int:
    """The first of KEYS whose fields a rule wants all; -1 for none."""
    return next((n for n, key in enumerate(p.KEYS) if all(name in fields for name in key)), -1)


def _long(program: p.Program, spaces: HashSpaces, rules: Sequence[RuleCode], index: _Index, start: int) -> Words:
    """The words of a chain whose rules are found by hash: its header and its rules, which begin at `start`."""
    body: Words = []
    at = start + p.LONG_HEADER
    anyone: list[int] = []
    keyed: dict[tuple[int, tuple[int, ...]], list[tuple[int, Word]]] = {}
    for rule in rules:
        kind = _kind_of(rule.wanted)
        if kind < 0:
            anyone.append(at)
        else:
            fields = p.KEYS[kind]
            alone = rule.lead if rule.lead is not None and len(rule.matches) == len(fields) else -1
            keyed.setdefault((kind, tuple(rule.wanted[name] for name in fields)), []).append((at, alone))
        words = rule.words
        body += [op(p.RULE, 1 + len(words)), *words, p.END]
        at += 2 + len(words)
    for (kind, values), found in keyed.items():
        place, value = found[0] if len(found) == 1 else (-1, _list(program, [place for place, _ in found]))
        spaces.add(Key(index.places[kind], values, value, place), index.gates[kind], p.KEYS[kind])
    flags = either([gate.flag for gate in index.gates.values()])
    used = sum(1 << kind for kind in index.places)
    header = [_list(program, anyone), used, flags, *(index.places.get(kind, -1) for kind in range(len(p.KEYS)))]
    return [*header, *body]


def _list(program: p.Program, places: Iterable[int]) -> int:
    start = len(program.order)
    program.order.extend(places)
    program.order.append(END_OF_LIST)
    return start


def _write_stages(layout: Layout, program: p.Program, chains: _Chains, served: int) -> None:
    busy = {
        hook: [(stage, flags) for stage in stages if (flags := _stage_flags(layout, stage, chains, served))]
        for hook, stages in layout.hooks()
    }
    if all(busy[hook][0][0].kind == "conntrack" for hook in ("prerouting", "output")):
        # Nothing sees a packet before conntrack does.
        program.first_state = STATES["new"]
        busy = {hook: [each for each in stages if each[0].kind != "conntrack"] for hook, stages in busy.items()}
    for hook in HOOKS:
        program.hooks.append(len(program.stages))
        for stage, flags in busy[hook]:
            lead = -1
            if stage.table is not None and stage.chain is not None:
                lead = chains.leads[layout.place(stage.table, stage.chain)]
            program.stages.extend((p.STAGE_NUMBERS[stage.kind], lead, int(_drops(stage)), flags))
        program.stages.extend((p.STAGE_END, -1, 0, p.ANYONE))


def _stage_flags(layout: Layout, stage: Stage, chains: _Chains, served: int) -> int:
    """The flags of the destinations for which a stage may matter: ANYONE for any, 0 for none."""
    if stage.kind == "ipvs":
        return served
    if stage.table is None or stage.chain is None or _drops(stage):
        return p.ANYONE
    return chains.flags[layout.place(stage.table, stage.chain)]


def _drops(stage: Stage) -> bool:
    return stage.chain is not None and stage.chain.base is not None and stage.chain.base.policy == "drop"


def _homes(layout: Layout) -> Iterator[int]:
    """Where a redirect leads: loopback for what the host itself sends, else the address that routing would answer
    from."""
    yield 0x7F000001
    for edge in layout.addresses.edges:
        # An address of the host itself at the edge of an interval says nothing about those behind it.
        others = (value for value in range(edge, edge + 8) if not layout.host.is_local(4, value))
        home = layout.host.source_for(4, next(others, edge))
        yield home if layout.addresses.has(home) else 0x7F000001


# ---------------------------------------------------------------- ipvs


def _servers(layout: Layout) -> list[VirtualServer]:
    return [
        server
        for server in layout.prepared.ruleset.virtual_servers
        if server.protocol != "fwmark" and address(server.address)[0] == layout.family
    ]


def _write_servers(layout: Layout, program: p.Program, writer: RuleWriter, spaces: HashSpaces) -> tuple[Words, int]:
    """Virtual servers by address, protocol and port, and the flag of their addresses. Those that remember clients, or
    send without translation, are given up on."""
    found: Words = []
    if not layout.prepared.ruleset.virtual_servers:
        return found, 0
    fields = p.KEYS[0]
    program.server_space = spaces.space(fields)
    gate = spaces.gate(program.server_space, fields)
    spaces.leads(program.server_space, fields, gate)
    if any(server.port == 0 for server in _servers(layout)):
        program.any_port_flag = gate.flag
    for server in _servers(layout):
        shares = weights(server)
        found += [0] * _padding(len(found), 2 + len(shares) * p.SERVER[layout.family])
        key = layout.addresses.number(address(server.address)[1]), p.service(PROTOCOLS[server.protocol], server.port)
        spaces.add(Key(program.server_space, key, len(found)), gate, fields)
        if server.persistence or any(real.forwarding != "masq" for real in server.servers):
            found += [-1, 0]
            continue
        found += [sum(weight for _, weight in shares), len(shares)]
        for real, weight in shares:
            family, value = address(real.address)
            own = layout.host.is_local(family, value) and (family, value) not in layout.prepared.virtual_addresses
            target = writer.statements.target((value, value), (real.port, real.port) if real.port else None)
            found += [weight, int(own), *target]
    return found, gate.flag
