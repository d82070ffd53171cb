"""How plugins hand a query on: the next handler, and what travels with a query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from kcompile.evaluate.dns.queries import SERVFAIL, Client, Message, Question, Reply, Step
from kcompile.ir.records import Record

MAX_DEPTH = 20
"""How deep look-ups through the server may nest. CoreDNS has no such limit and relies on the stack."""

WITHOUT_MESSAGE = frozenset({"SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"})
"""The codes that a plugin returns without having written a message; the server then writes one."""


class Unknown(Exception):
    """The answer cannot be known: it comes from elsewhere, or from a plugin that is not evaluated."""

    def __init__(self, reason: str, forwarded_to: tuple[str, ...] = ()) -> None:
        self.reason = reason
        self.forwarded_to = forwarded_to
        super().__init__(reason)


@dataclass(slots=True)
class Context:
    """What belongs to one query from a client, through all the look-ups that it leads to.

    `steps` is None when nobody wants to know the way. `unknown` collects what could not be known of look-ups inside
    the server (the target of an ExternalName, say) while the answer itself goes on. `changed` is set when a plugin
    changed what it remembers, so that the same query may get another answer the next time.
    """

    client: Client
    resolve: Callable[[Question, Context], Reply]
    steps: list[Step] | None = None
    unknown: list[Unknown] = field(default_factory=list)
    plugin: str = ""
    changed: bool = False
    depth: int = 0
    loops: int = 0

    def say(self, plugin: str, text: str) -> None:
        if self.steps is not None:
            self.steps.append(Step(plugin, text, self.depth))

    def answered_by(self, plugin: str, text: str = "") -> None:
        if not self.depth:
            self.plugin = plugin
        if text:
            self.say(plugin, text)

    def lookup(self, name: str, rtype: str) -> Message | None:
        """The server's own answer to a question that a plugin has; None when it cannot be known."""
        if self.depth >= MAX_DEPTH:
            return Message(Question(name, rtype), rcode=SERVFAIL)
        self.depth += 1
        try:
            self.say("server", f"looks up {name} {rtype}")
            question = Question(name, rtype)
            reply = self.resolve(question, self)
            return reply.message or Message(question, rcode=reply.rcode)
        except Unknown as unknown:
            self.unknown.append(unknown)
            return None
        finally:
            self.depth -= 1

    def lookup_records(self, name: str, rtype: str) -> tuple[Record, ...]:
        message = self.lookup(name, rtype)
        return message.answer if message else ()


Handler = Callable[[Question, Context], Reply]


class Evaluator(Protocol):
    """One plugin of a server block, ready to answer."""

    name: str

    def serve(self, question: Question, context: Context, proceed: Handler) -> Reply:
        """Answer, or hand on to `proceed`, with the question or the reply changed where the plugin changes it."""
        ...


def end_of_chain(question: Question, context: Context) -> Reply:
    """No plugin is left: CoreDNS answers SERVFAIL."""
    context.answered_by("server", "no plugin is left to answer: SERVFAIL")
    return Reply(SERVFAIL, failed=True)


def chain(evaluators: tuple[Evaluator, ...]) -> Handler:
    """The handler that runs the evaluators in this order."""
    handler: Handler = end_of_chain
    for evaluator in reversed(evaluators):
        handler = _bind(evaluator, handler)
    return handler


def _bind(evaluator: Evaluator, proceed: Handler) -> Handler:
    def handle(question: Question, context: Context) -> Reply:
        return evaluator.serve(question, context, proceed)

    return handle
