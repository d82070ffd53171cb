"""Ask a server: one query or very many."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from kcompile.collection import no_collection
from kcompile.evaluate.dns.chain import WITHOUT_MESSAGE, Context, Unknown
from kcompile.evaluate.dns.direct import direct_paths
from kcompile.evaluate.dns.queries import Answer, Client, Message, Question, Reply, Step, answer_of
from kcompile.evaluate.dns.server import Server
from kcompile.ir.domain_names import normalize

MAX_REMEMBERED = 1_000_000
"""How many answers are kept for questions that come again."""


class Resolver:
    """The DNS server of a cluster.

    Plugins that remember (cache) do so from one query to the next, in the order in which they are asked; no time
    passes. An answer that will stay the same is remembered by name and type, so a question that comes again costs a
    look-up in a dictionary.
    """

    def __init__(self, server: Server, client: Client = Client()) -> None:  # noqa: B008
        self.server = server
        self.client = client
        self._remembered: dict[tuple[str, str], Answer] = {}
        self._direct = direct_paths(server, client.port)

    def query(self, name: str, rtype: str = "A", client: Client | None = None, *, trace: bool = False) -> Answer:
        """The answer to one question; `name` is absolute, with or without the final dot.

        With `trace` the answer tells its way in `steps`.
        """
        if client is None and not trace:
            known = self._remembered.get((name, rtype))
            return known or self._ask_and_remember(name, rtype)
        return self._ask(name, rtype.upper(), client or self.client, [] if trace else None)[0]

    def query_many(self, names: Sequence[str], types: Sequence[str] | str = "A") -> list[Answer]:
        """The answers to many questions, in their order. `types` is one type for all, or one for each name."""
        known, ask = self._remembered.get, self._ask_and_remember
        all_types = repeat(types, len(names)) if isinstance(types, str) else types
        with no_collection():
            return [known(pair) or ask(*pair) for pair in zip(names, all_types, strict=True)]

    def _ask_and_remember(self, name: str, rtype: str) -> Answer:
        rtype = rtype.upper()
        answer, settled = None, True
        for direct in self._direct:
            answer = answer or direct.answer(name, rtype)
        if answer is None:
            answer, settled = self._ask(name, rtype, self.client, None)
        if settled and len(self._remembered) < MAX_REMEMBERED:
            self._remembered[name, rtype] = answer
        return answer

    def _ask(self, name: str, rtype: str, client: Client, steps: list[Step] | None) -> tuple[Answer, bool]:
        """The answer, and whether the same question will get the same one the next time."""
        try:
            question = Question(normalize(name), rtype)
        except ValueError as error:
            return Answer(name, rtype, None, error=str(error)), True
        context = Context(client, self.server.resolve, steps)
        if client.port not in self.server.ports:
            ports = ", ".join(map(str, self.server.ports))
            why = f"no server block listens on port {client.port}, but on {ports}"
            return Answer(name, rtype, None, error=why), True
        try:
            try:
                reply = self.server.resolve(question, context)
            except RecursionError:
                # Look-ups within look-ups, each through all plugins, with a deep expression at their end.
                raise Unknown(f"{name} {rtype} leads deeper than is followed here") from None
        except Unknown as unknown:
            return Answer(
                name,
                rtype,
                None,
                error=unknown.reason,
                forwarded_to=unknown.forwarded_to,
                plugin=context.plugin,
                steps=tuple(steps or ()),
            ), True
        return _answer(name, rtype, reply, context), not context.changed


def _answer(name: str, rtype: str, reply: Reply, context: Context) -> Answer:
    message = reply.message
    steps = tuple(context.steps or ())
    if message is None and reply.rcode not in WITHOUT_MESSAGE:
        return Answer(name, rtype, None, error="no response is sent", plugin=context.plugin, steps=steps)
    unknown = context.unknown
    error = "; ".join(dict.fromkeys(one.reason for one in unknown)) if unknown else ""
    forwarded = tuple(dict.fromkeys(address for one in unknown for address in one.forwarded_to)) if unknown else ()
    if message is None:
        message = Message(Question(name, rtype), reply.rcode)
    answer = answer_of(name, rtype, message, context.plugin)
    if error or forwarded or steps:
        return answer._replace(error=error, forwarded_to=forwarded, steps=steps)
    return answer
