"""Make the program of a ruleset for one address family and one host."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence

from kcompile.evaluate import program as p
from kcompile.evaluate.ipvs import weights
from kcompile.evaluate.layout import Layout, PlacedRule, table_size
from kcompile.evaluate.packet import Host
from kcompile.evaluate.prepare import HOOKS, Prepared
from kcompile.evaluate.rule_code import Entry, Key, Lead, Word, Writer, cascade, constants, only_jump, targets, wanted
from kcompile.ir.addresses import ADDRESS_MAX, address
from kcompile.ir.ruleset import PROTOCOLS, Interval, VirtualServer

END_OF_LIST = (1 << 31) - 1
SERVER_KIND = 3
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
    writer = Writer(layout, program)
    code, places = _write_chains(layout, program, writer)
    _write_stages(layout, program, places)
    servers = _write_servers(layout, program, writer)

    def finished(words: Iterable[Word]) -> Iterator[int]:
        for word in words:
            if isinstance(word, int):
                yield word
            elif isinstance(word, Lead):
                yield p.GO_CHAIN + 2 * places[word.chain] + word.goto
            elif word.address is None:
                yield from (p.STAYS,) * p.ADDRESS_ENTRY
            else:
                yield from layout.addresses.entry(word.address, writer.flags)

    layout.addresses.write(program, writer.flags)
    program.code.extend(finished(code))
    program.rest_words.extend(finished(writer.rest))
    program.targets.extend(finished(writer.targets))
    program.server_words.extend(finished(servers))
    _write_keys(program, [key._replace(value=next(finished([key.value]))) for key in writer.keys])
    return program


def _place_chains(layout: Layout) -> None:
    for hook in HOOKS:
        for stage in layout.prepared.stages[layout.family, hook]:
            if stage.table is not None and stage.chain is not None:
                layout.place(stage.table, stage.chain)
    done = 0
    while done < len(layout.rules):
        placed = layout.rules[done]
        for name in targets(placed.rule, placed.table):
            chain = placed.table.chains.get(name)
            if chain is not None:
                layout.place(placed.table, chain)
        done += 1


def _host_intervals(layout: Layout) -> Iterator[Interval]:
    """What has a type of its own: the host's addresses, loopback, broadcast, multicast; and the addresses of ipvs."""
    for text in layout.host.addresses:
        family, number = address(text.partition("/")[0])
        if family == layout.family:
            yield number, number
    for number in layout.host.broadcasts(layout.family):
        yield number, number
    if layout.family == 4:
        yield 0x7F000000, 0x7FFFFFFF
        yield 0xE0000000, 0xEFFFFFFF
    else:
        yield 1, 1
        yield 0xFF << 120, ADDRESS_MAX[6]
    for server in _servers(layout):
        yield (address(server.address)[1],) * 2
        for real in server.servers:
            yield (address(real.address)[1],) * 2


def _write_chains(layout: Layout, program: p.Program, writer: Writer) -> tuple[list[Word], list[int]]:
    """The code of all chains, and where each begins."""
    code: list[Word] = []
    places: list[int] = []
    # Places count words as they will be: an entry of an address is several.
    size = 0
    for rules in _that_matter(layout, writer):
        places.append(size)
        fields = [wanted(placed, layout) for placed, _ in rules]
        indexed = sum(_kind_of(each) >= 0 for each in fields) > FEW_RULES
        body: list[Word] = []
        at = size + p.CHAIN_HEADER
        written: list[tuple[int, dict[int, int], Word]] = []
        in_cascade = 0
        for number, (placed, words) in enumerate(rules):
            in_cascade -= 1
            if not indexed and in_cascade < 0 and (count := cascade([each for each, _ in rules[number:]])):
                body += [3, p.CASCADE, count]
                at += 3
                in_cascade = count - 1
            written.append((at, fields[number], _verdict_alone(placed, words, fields[number])))
            length = 1 + sum(p.ADDRESS_ENTRY if isinstance(word, Entry) else 1 for word in words)
            body += [length, *words]
            at += length
        code += _index(program, writer, written) if indexed else [-1, 0, 0, 0]
        code += [*body, 0]
        size = at + 1
    return code, places


def _verdict_alone(placed: PlacedRule, words: list[Word], fields: dict[int, int]) -> Word:
    """Where a rule jumps if that is all it does, and the fields that a look-up checks are all it checks; else -1."""
    checks = 3 * len(fields)
    return words[-3] if only_jump(placed) is not None and len(words) == checks + 4 else -1


def _that_matter(layout: Layout, writer: Writer) -> list[list[tuple[PlacedRule, list[Word]]]]:
    """By chain, its rules with their instructions, without those that do nothing. Kubernetes always has chains without
    a rule: a jump there does nothing either."""
    chains = [[(placed, words) for placed in rules if (words := writer.rule(placed))] for rules in layout.of_chain]
    empty = {number for number, rules in enumerate(chains) if not rules}
    while True:
        chains = [[each for each in rules if not _leads_nowhere(each[0], layout, empty)] for rules in chains]
        now_empty = {number for number, rules in enumerate(chains) if not rules}
        if now_empty == empty:
            return chains
        empty = now_empty


def _leads_nowhere(placed: PlacedRule, layout: Layout, empty: set[int]) -> bool:
    name = only_jump(placed)
    return name is not None and layout.number(placed.table, name) in empty


def _kind_of(fields: dict[int, int]) -> int:
    """The first of KEYS whose fields a rule wants all; -1 for none."""
    return next((n for n, key in enumerate(p.KEYS) if all(name in fields for name in key)), -1)


def _index(program: p.Program, writer: Writer, written: list[tuple[int, dict[int, int], Word]]) -> list[Word]:
    """The header of a long chain: its hash space, the list of the rules that any packet may match, the keys in use."""
    space = writer.spaces(len(p.KEYS))
    anyone: list[int] = []
    keyed: dict[tuple[int, tuple[int, ...]], list[tuple[int, Word]]] = {}
    for place, fields, verdict in written:
        kind = _kind_of(fields)
        if kind < 0:
            anyone.append(place)
        else:
            alone = verdict if len(fields) == len(p.KEYS[kind]) else -1
            keyed.setdefault((kind, tuple(fields[name] for name in p.KEYS[kind])), []).append((place, alone))
    kinds = sorted({kind for kind, _ in keyed})
    flags = {kind: writer.flag(space + kind, p.KEYS[kind], kind) for kind in kinds}
    for (kind, words), places in keyed.items():
        place, verdict = places[0] if len(places) == 1 else (-1, _list(program, [place for place, _ in places]))
        writer.add(Key(space + kind, words, verdict, place), flags[kind], p.KEYS[kind])
    return [space, _list(program, anyone), sum(1 << kind for kind in kinds), sum(set(flags.values()))]


def _list(program: p.Program, places: Iterable[int]) -> int:
    start = len(program.order)
    program.order.extend(places)
    program.order.append(END_OF_LIST)
    return start


def _write_stages(layout: Layout, program: p.Program, places: Sequence[int]) -> None:
    for hook in HOOKS:
        program.stage_first.append(len(program.stage_kind))
        for stage in layout.prepared.stages[layout.family, hook]:
            program.stage_kind.append(p.STAGE_NUMBERS[stage.kind])
            chain = -1 if stage.table is None or stage.chain is None else layout.place(stage.table, stage.chain)
            program.stage_chain.append(places[chain] if chain >= 0 else -1)
            base = stage.chain.base if stage.chain else None
            program.stage_drops.append(int(base is not None and base.policy == "drop"))
    program.stage_first.append(len(program.stage_kind))


# ---------------------------------------------------------------- ipvs


def _servers(layout: Layout) -> list[VirtualServer]:
    return [
        server
        for server in layout.prepared.ruleset.virtual_servers
        if server.protocol != "fwmark" and address(server.address)[0] == layout.family
    ]


def _write_servers(layout: Layout, program: p.Program, writer: Writer) -> list[Word]:
    """Virtual servers by address, protocol and port. Those that remember clients, or send without translation, are
    given up on."""
    found: list[Word] = []
    if not layout.prepared.ruleset.virtual_servers:
        return found
    program.server_space = writer.spaces(1)
    program.server_flag = writer.flag(program.server_space, p.KEYS[0], SERVER_KIND)
    size = 0
    for number, server in enumerate(_servers(layout)):
        words = (layout.addresses.number(address(server.address)[1]), PROTOCOLS[server.protocol], server.port)
        writer.add(Key(program.server_space, words, number), program.server_flag, p.KEYS[0])
        program.server_first.append(size)
        if server.persistence or any(real.forwarding != "masq" for real in server.servers):
            found += [-1, 0]
            size += 2
            continue
        shares = weights(server)
        found += [sum(weight for _, weight in shares), len(shares)]
        size += 2 + len(shares) * p.SERVER
        for real, weight in shares:
            family, value = address(real.address)
            own = layout.host.is_local(family, value) and (family, value) not in layout.prepared.virtual_addresses
            found += [weight, int(own), *writer.target((value, value), (real.port, real.port) if real.port else None)]
    return found


# ---------------------------------------------------------------- hash tables


def _write_keys(program: p.Program, keys: Sequence[Key]) -> None:
    """The hash table of keys. The first value of a key that comes twice counts."""
    size = table_size(len(keys))
    program.key_mask = size - 1
    program.keys.extend([-1, *[0] * (p.KEY_ENTRY - 1)] * size)
    for space, given, value, place in keys:
        assert isinstance(value, int)
        words = (*given, *(0,) * (p.MOST_WORDS - len(given)))
        slot = p.hash_key(space, words) & program.key_mask
        entry = array("i", (space, *words, value, place, 0))
        while program.keys[slot * p.KEY_ENTRY] >= 0:
            start = slot * p.KEY_ENTRY
            if program.keys[start : start + p.KEY_VALUE] == entry[: p.KEY_VALUE]:
                break
            slot = (slot + 1) & program.key_mask
        else:
            program.keys[slot * p.KEY_ENTRY : (slot + 1) * p.KEY_ENTRY] = entry
