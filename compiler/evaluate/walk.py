"""Follow one packet through netfilter's hooks, along every way that it may take.

The path is the kernel's: what arrives passes prerouting, routing, then input or forward; what the host sends passes
output; all that leaves passes postrouting; what the host sends to itself comes back through prerouting and input. In
each hook the base chains of all tables are asked by priority, and an accept ends its own chain only. NAT chains are
asked for the first packet of a connection, once for each half of its addresses.

Ways fork where chance decides (xt_statistic, numgen, an ipvs scheduler) and where something is not known (an interface,
a match that is not understood). Both sides of an unknown fork are followed: what they share is certain all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from kcompile.evaluate.expressions import Expressions
from kcompile.evaluate.ipvs import shares
from kcompile.evaluate.outcomes import outcomes
from kcompile.evaluate.packet import Branch, End, Fork, Hop, Host, Memory, Outcome, OutcomeKind, Packet, Trace
from kcompile.evaluate.prepare import Prepared, Stage
from kcompile.evaluate.rules import Failed, Maybe, Passed, Rules, Stop, Translated, Ways
from kcompile.evaluate.state import State
from kcompile.ir.addresses import address, address_text, endpoint_text
from kcompile.ir.ruleset import PROTOCOLS, STATES, Chain, Compare, Field, Item, Rule, Table, Unknown

MOST_STEPS = 3_000_000
"""No ruleset in use needs as many for one packet; unknown rules that multiply do."""
MOST_JUMPS = 64


class TooLong(Exception):
    """The ways of a packet are too many to follow."""


def trace(rules: Prepared, packet: Packet, host: Host | None = None, memory: Memory | None = None) -> Trace:
    """Every way of a packet. Raises ValueError for an address or a protocol that is none."""
    node = with_virtual_addresses(rules, host or Host())
    state = start(packet, node, memory or Memory())
    try:
        branch = _Walk(rules, node, packet).run(state.hook, 0, None, state)
    except (TooLong, RecursionError):
        branch = Branch((), End(Outcome("unknown", reason="too many ways to follow")))
    return Trace(packet, branch, outcomes(branch))


def with_virtual_addresses(rules: Prepared, host: Host) -> Host:
    """The host with the address of every virtual server: kube-proxy puts them on kube-ipvs0, for ipvs to see them."""
    known = rules.virtual_hosts.get(host)
    if known is None:
        own = {text.partition("/")[0] for text in host.addresses}
        added = sorted({address_text(*each) for each in rules.virtual_addresses} - own)
        known = Host((*host.addresses, *(f"{text}/{128 if ':' in text else 32}" for text in added))) if added else host
        rules.virtual_hosts[host] = known
    return known


def start(packet: Packet, host: Host, memory: Memory) -> State:
    """The packet as it comes to the first hook."""
    family, daddr = address(packet.destination)
    if packet.source:
        other, saddr = address(packet.source)
        if other != family:
            raise ValueError(f"{packet.source} and {packet.destination} are of different families")
    elif packet.local:
        saddr = host.source_for(family, daddr)
    else:
        raise ValueError("a packet that arrives has a source")
    if packet.protocol not in ("tcp", "udp", "sctp"):
        raise ValueError(f"`{packet.protocol}` is none of tcp, udp, sctp")
    to_itself = packet.local and host.is_local(family, daddr)
    return State(
        family=family,
        saddr=saddr,
        daddr=daddr,
        protocol=PROTOCOLS[packet.protocol],
        sport=packet.source_port,
        dport=packet.port,
        original=(saddr, packet.source_port, daddr, packet.port),
        hook="output" if packet.local else "prerouting",
        local=packet.local,
        iif="" if packet.local else packet.in_interface,
        oif="lo" if to_itself else packet.out_interface,
        bridged=False if packet.local else packet.bridged,
        mark=packet.mark,
        seconds=packet.seconds,
        memory=memory,
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in a chain: `order` are the rules to look at, `position` the next one, `above` where a return leads."""

    table: Table
    chain: Chain
    order: tuple[int, ...]
    position: int = 0
    above: Frame | None = None
    depth: int = 0

    @property
    def rule(self) -> Rule:
        return self.chain.rules[self.order[self.position]]

    def at(self, position: int) -> Frame:
        return Frame(self.table, self.chain, self.order, position, self.above, self.depth)

    def next(self) -> Frame:
        return self.at(self.position + 1)

    def key(self) -> tuple[object, ...]:
        return id(self.chain), self.position, self.above.key() if self.above else None


class _Walk:
    """The walk of one packet. Ways that meet again in the same place and state share what follows."""

    def __init__(self, rules: Prepared, host: Host, packet: Packet) -> None:
        self._prepared = rules
        self._host = host
        self._packet = packet
        self._rules = Rules(Expressions(rules, host))
        self._steps_left = MOST_STEPS
        self._known: dict[tuple[object, ...], Branch] = {}

    def run(
        self,
        hook: str,
        stage: int,
        frame: Frame | None,
        state: State,
        item: int = 0,
        instead: Item | None = None,
        actions: tuple[str, ...] = (),
    ) -> Branch:
        """Follow a packet from a stage of a hook on, or from an item of the rule that `frame` points to."""
        steps: list[Hop | Fork] = []
        while True:
            self._steps_left -= 1
            if self._steps_left < 0:
                raise TooLong
            if frame is None:
                stages = self._prepared.stages[state.family, hook]
                if stage == len(stages):
                    following = self._leave(hook, state)
                    if isinstance(following, End):
                        return Branch(tuple(steps), following)
                    state, stage = following, 0
                    hook = state.hook
                elif stages[stage].kind == "ipvs" and (caught := self._ipvs(stage + 1, state)):
                    return Branch((*steps, *caught.steps), caught.end)
                elif stages[stage].kind == "filter" or (stages[stage].kind == "nat" and _asks_nat(state)):
                    frame = self._enter(stages[stage], state)
                else:
                    if stages[stage].kind == "conntrack" and state.ct_state == STATES["invalid"]:
                        state = replace(state, ct_state=STATES[self._packet.state])
                    stage += 1
                continue
            if frame.position == len(frame.order):
                if frame.above is None and self._drops(hook, stage, state):
                    hop = Hop(hook, _table(frame.table), frame.chain.name, "policy drop")
                    return Branch((*steps, hop), _end(state, "drop", hop))
                frame = frame.above
                stage += frame is None
                continue
            rule = frame.rule
            result = self._rules.apply(rule, frame.table, state, item, instead, actions)
            item, instead, actions = 0, None, ()
            state = result.state
            if isinstance(result, Failed):
                frame = frame.next()
            elif isinstance(result, Ways):
                steps.append(Fork(tuple((s, self._take(hook, stage, frame, result, each)) for s, each in result.ways)))
                if sum((share for share, _ in result.ways), Fraction(0)) == 1:
                    return Branch(tuple(steps), None)
                frame = frame.next()
            elif isinstance(result, Maybe):
                rest = self._unsettled(hook, stage, frame, result)
                return Branch((*steps, *rest.steps), rest.end)
            else:
                translates = isinstance(result, Translated) and hook in ("prerouting", "output")
                hop = Hop(hook, _table(frame.table), frame.chain.name, ", ".join(result.actions), rule, translates)
                steps.append(hop)
                if isinstance(result, Passed):
                    frame = frame.next()
                elif isinstance(result, Stop):
                    return Branch(tuple(steps), _end(state, result.verdict, hop, result.reason))
                elif isinstance(result, Translated) or result.verdict.kind == "accept":
                    frame, stage = None, stage + 1
                elif result.verdict.kind == "return":
                    frame = frame.at(len(frame.order))
                elif result.verdict.kind == "continue":
                    frame = frame.next()
                else:
                    target = frame.table.chains.get(result.verdict.chain)
                    if target is None or frame.depth == MOST_JUMPS:
                        reason = "chains jump in a circle" if target else f"there is no chain {result.verdict.chain}"
                        return Branch(tuple(steps), _end(state, "unknown", hop, f"line {rule.line}: {reason}"))
                    above = frame.next() if result.verdict.kind == "jump" else frame.above
                    order = self._prepared.rules_for(target, state.daddr, state.dport)
                    frame = Frame(frame.table, target, order, 0, above, frame.depth + 1)

    # ------------------------------------------------------------ forks

    def _take(self, hook: str, stage: int, frame: Frame, result: Ways, item: Item | None) -> Branch:
        """The way on which chance has put `item` in the place of the random one, or let the packet pass it."""
        return self.run(hook, stage, frame, result.state, result.at + (item is None), item, result.actions)

    def _unsettled(self, hook: str, stage: int, frame: Frame, result: Maybe) -> Branch:
        """Both sides of something that nobody knows."""
        steps = []
        rest = result.state
        if result.instead:
            for item in result.instead:
                way = self.run(hook, stage, frame, rest, result.at, item, result.actions)
                steps.append(Fork(((None, way),), result.reason))
        else:
            taken = rest
            for match in result.matches:
                taken = _settle(taken, match, True)
            way = self._shared(hook, stage, frame, taken, result.at, result.actions)
            steps.append(Fork(((None, way),), result.reason))
            if len(result.matches) == 1:
                rest = _settle(rest, result.matches[0], False)
        after = self._shared(hook, stage, frame.next(), rest)
        return Branch((*steps, *after.steps), after.end)

    def _shared(
        self, hook: str, stage: int, frame: Frame, state: State, item: int = 0, actions: tuple[str, ...] = ()
    ) -> Branch:
        key = (stage, frame.key(), state, item, actions)
        branch = self._known.get(key)
        if branch is None:
            branch = self._known[key] = self.run(hook, stage, frame, state, item, None, actions)
        return branch

    # ------------------------------------------------------------ the path

    def _leave(self, hook: str, state: State) -> State | End:
        """Where a packet goes when a hook has let it pass: the state in the next hook, or the end."""
        local = self._host.is_local(state.family, state.daddr)
        if hook == "prerouting":
            return replace(state, hook="input" if local else "forward", destination_done=True)
        if hook == "output":
            # Destination NAT makes the kernel route anew.
            oif = "lo" if local else None if state.oif == "lo" else state.oif
            return replace(state, hook="postrouting", destination_done=True, oif=oif)
        if hook == "forward":
            return replace(state, hook="postrouting")
        if hook == "postrouting" and state.local and local and not state.ipvs:
            return replace(state, hook="prerouting", source_done=True, iif="lo", oif=None)
        return _end(state, "dnat" if state.translated else "accept", None)

    def _enter(self, stage: Stage, state: State) -> Frame:
        assert stage.table is not None
        assert stage.chain is not None
        return Frame(stage.table, stage.chain, self._prepared.rules_for(stage.chain, state.daddr, state.dport))

    def _drops(self, hook: str, stage: int, state: State) -> bool:
        """Whether the policy of the base chain that has come to its end is drop."""
        chain = self._prepared.stages[state.family, hook][stage].chain
        return chain is not None and chain.base is not None and chain.base.policy == "drop"

    def _ipvs(self, stage: int, state: State) -> Branch | None:
        """What ipvs does with a packet: the ways to the real servers, or None where it lets it pass.

        `stage` is the one after ipvs, where a packet for the host itself goes on.
        """
        if state.ipvs is not None or not state.first:
            return None
        mark = state.mark if isinstance(state.mark, int) else 0
        server = self._prepared.virtual_server(state.family, state.protocol, state.daddr, state.dport, mark)
        if server is None:
            return None
        name = server.protocol if server.protocol != "fwmark" else f"fwmark {server.mark}"
        name = f"{name} {endpoint_text(state.family, state.daddr, state.dport)}"
        ways = []
        for share, real, memory in shares(server, state):
            family, number = address(real.address)
            port = real.port or state.dport
            to = endpoint_text(family, number, port)
            hop = Hop(state.hook, "ipvs", name, f"{server.scheduler}: {real.forwarding} to {to}", translates=True)
            if real.forwarding != "masq":
                # Direct routing and tunnels hand the packet as it is to the real server.
                outcome = Outcome("dnat", to, source=address_text(state.family, state.saddr))
                ways.append((share, Branch((hop,), End(outcome, hop, memory))))
                continue
            after = replace(
                state,
                ipvs=(state.protocol, state.daddr, state.dport),
                daddr=number,
                dport=port,
                translated=True,
                destination_done=True,
                memory=memory,
            )
            if self._host.is_local(family, number) and (family, number) not in self._prepared.virtual_addresses:
                rest = self.run(state.hook, stage, None, after)
            else:
                # It leaves by LOCAL_OUT, in whichever hook it was caught (ip_vs_nat_send_or_cont in ip_vs_xmit.c).
                rest = self.run("output", 0, None, replace(after, hook="output", oif=None))
            ways.append((share, Branch((hop, *rest.steps), rest.end)))
        if ways:
            return Branch((Fork(tuple(ways)),), None)
        hop = Hop(state.hook, "ipvs", name, "no real server: refused")
        return Branch((hop,), _end(state, "reject", hop))


def _asks_nat(state: State) -> bool:
    done = state.destination_done if state.hook in ("prerouting", "output") else state.source_done
    return state.first and not done


def _end(state: State, verdict: OutcomeKind, decided: Hop | None, reason: str = "") -> End:
    if verdict not in ("dnat", "accept"):
        return End(Outcome(verdict, reason=reason), decided, state.memory)
    to = endpoint_text(state.family, state.daddr, state.dport) if verdict == "dnat" else None
    source = address_text(state.family, state.saddr)
    return End(Outcome(verdict, to, masquerade=state.masqueraded, source=source), decided, state.memory)


def _settle(state: State, item: Item, holds: bool) -> State:
    """What a way takes for granted once a match held that nobody knew of, or did not hold."""
    if isinstance(item, Unknown):
        return replace(state, settled=state.settled | {((item.text, ()), holds)})
    if isinstance(item, Compare) and isinstance(item.expression, Field):
        name, inside = item.expression.name, holds != item.negate
        value = item.values[0]
        if inside and name in ("iif", "oif") and isinstance(value, str) and len(item.values) == 1 and value[-1:] != "*":
            return replace(state, iif=value) if name == "iif" else replace(state, oif=value)
        return replace(state, settled=state.settled | {((name, item.values), inside)})
    return state


def _table(table: Table) -> str:
    return f"{table.family} {table.name}"
