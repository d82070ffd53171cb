"""Make the program of a ruleset for one address family and one host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_network

from kcompile.evaluate import program as p
from kcompile.evaluate.code_words import Entry, Lead, Word, Words, op
from kcompile.evaluate.hash_spaces import HashSpaces, Key
from kcompile.evaluate.ipvs import weights
from kcompile.evaluate.layout import Layout
from kcompile.evaluate.packet import Host
from kcompile.evaluate.prepare import HOOKS, Prepared, Stage
from kcompile.evaluate.rule_code import RuleCode, RuleWriter
from kcompile.evaluate.rule_facts import cascade, constants, targets
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
    code, leads, idle = _write_chains(layout, program, writer, spaces)
    _write_stages(layout, program, leads, idle)
    servers = _write_servers(layout, program, writer, spaces)

    def finished(words: Iterable[Word]) -> Iterator[int]:
        for word in words:
            if isinstance(word, int):
                yield word
            elif isinstance(word, Lead):
                yield leads[word.chain] + p.GOTO * word.goto
            elif isinstance(word, Entry):
                if word.address is None:
                    yield from (p.STAYS,) * (p.TARGET[family] - 1)
                else:
                    yield from layout.addresses.entry(word.address, spaces.flags)

    layout.addresses.write(program, spaces.flags)
    program.code.extend(finished(code))
    program.rest_words.extend(finished(writer.sets.rest))
    program.targets.extend(finished(writer.statements.targets))
    program.server_words.extend(finished(servers))
    if writer.statements.redirects:
        program.homes.extend(finished(map(Entry, _homes(layout))))
    spaces.write(
        [key._replace(value=next(finished([key.value])), ahead=_ahead(program, leads, key)) for key in spaces.keys]
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
        names = [name for rule in chain.rules for name in targets(rule, stage.table)]
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


def _write_chains(
    layout: Layout, program: p.Program, writer: RuleWriter, spaces: HashSpaces
) -> tuple[Words, list[int], set[int]]:
    """The code of all chains, what leads to each, and which of them do nothing."""
    code: Words = []
    leads: list[int] = []
    idle: set[int] = set()
    chains = simplified(layout, writer)
    for number, rules in enumerate(chains):
        long = sum(_kind_of(rule.wanted) >= 0 for rule in rules) > FEW_RULES
        short = [] if long else _short(rules)
        code += [p.END] * _padding(len(code), p.LONG_HEADER if long else len(short))
        leads.append(p.GO_CHAIN + 4 * len(code) + p.LONG * long)
        code += _long(program, spaces, rules, len(code)) if long else short
        if not rules:
            idle.add(number)
    return code, [leads[_first_with_more(chains, number)] for number in range(len(chains))], idle


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
    while number < len(rules):
        leads = [rule.lead or _last_lead(rule) for rule in rules[number : number + _shared(rules, number)]]
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
    return [*body, p.END]


def _shared(rules: Sequence[RuleCode], number: int) -> int:
    return cascade([rule.placed for rule in rules[number:]]) if not rules[number].matches else 0


def _last_lead(rule: RuleCode) -> Lead | None:
    """Where a rule with a chance jumps."""
    *_, go, lead = (0, *rule.statements)
    return lead if go == p.GO and isinstance(lead, Lead) else None


def _kind_of(fields: dict[int, int]) -> int:
    """The first of KEYS whose fields a rule wants all; -1 for none."""
    return next((n for n, key in enumerate(p.KEYS) if all(name in fields for name in key)), -1)


def _long(program: p.Program, spaces: HashSpaces, rules: Sequence[RuleCode], start: int) -> Words:
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
    kinds = sorted({kind for kind, _ in keyed})
    places = {kind: spaces.space(p.KEYS[kind]) for kind in kinds}
    gates = {kind: spaces.gate(places[kind], p.KEYS[kind]) for kind in kinds}
    for kind in kinds:
        spaces.leads(places[kind], p.KEYS[kind], gates[kind])
    for (kind, values), found in keyed.items():
        place, value = found[0] if len(found) == 1 else (-1, _list(program, [place for place, _ in found]))
        spaces.add(Key(places[kind], values, value, place), gates[kind], p.KEYS[kind])
    flags = 0
    for gate in gates.values():
        flags |= gate.flag
    used = sum(1 << kind for kind in kinds)
    return [_list(program, anyone), used, flags, *(places.get(kind, -1) for kind in range(len(p.KEYS))), *body]


def _list(program: p.Program, places: Iterable[int]) -> int:
    start = len(program.order)
    program.order.extend(places)
    program.order.append(END_OF_LIST)
    return start


def _write_stages(layout: Layout, program: p.Program, leads: Sequence[int], idle: set[int]) -> None:
    busy = {hook: [stage for stage in stages if not _is_idle(layout, stage, idle)] for hook, stages in layout.hooks()}
    if all(busy[hook][0].kind == "conntrack" for hook in ("prerouting", "output")):
        # Nothing sees a packet before conntrack does.
        program.first_state = STATES["new"]
        busy = {hook: [stage for stage in stages if stage.kind != "conntrack"] for hook, stages in busy.items()}
    for hook in HOOKS:
        program.hooks.append(len(program.stages))
        for stage in busy[hook]:
            lead = -1
            if stage.table is not None and stage.chain is not None:
                lead = leads[layout.place(stage.table, stage.chain)]
            program.stages.extend((p.STAGE_NUMBERS[stage.kind], lead, int(_drops(stage))))
        program.stages.extend((p.STAGE_END, -1, 0))


def _is_idle(layout: Layout, stage: Stage, idle: set[int]) -> bool:
    if stage.table is None or stage.chain is None:
        return False
    return layout.place(stage.table, stage.chain) in idle and not _drops(stage)


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


def _write_servers(layout: Layout, program: p.Program, writer: RuleWriter, spaces: HashSpaces) -> Words:
    """Virtual servers by address, protocol and port. Those that remember clients, or send without translation, are
    given up on."""
    found: Words = []
    if not layout.prepared.ruleset.virtual_servers:
        return found
    fields = p.KEYS[0]
    program.server_space = spaces.space(fields)
    gate = spaces.gate(program.server_space, fields)
    spaces.leads(program.server_space, fields, gate)
    program.server_flag = gate.flag
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
    return found
