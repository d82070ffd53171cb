"""What goes into a DNS server and what comes out: questions, records, messages, and answers with their way.

Tuples, because a hundred thousand of them are made at a time.
"""

from __future__ import annotations

from typing import NamedTuple

from kcompile.ir.records import Record

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = (
    "NOERROR",
    "FORMERR",
    "SERVFAIL",
    "NXDOMAIN",
    "NOTIMP",
    "REFUSED",
)


class Question(NamedTuple):
    """`name` is absolute and keeps the case in which it was asked."""

    name: str
    type: str
    rdclass: str = "IN"


class Client(NamedTuple):
    """Who asks: `address` decides about acl, view and autopath; `port` is the server's port."""

    address: str = "127.0.0.1"
    port: int = 53
    protocol: str = "udp"
    server_address: str = "127.0.0.1"


class Message(NamedTuple):
    """A response on its way through the plugins."""

    question: Question
    rcode: str = NOERROR
    authoritative: bool = False
    recursion_available: bool = False
    recursion_desired: bool = True
    answer: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()


class Reply(NamedTuple):
    """What a plugin returns: the message it wrote, or none and the code that the server then answers with.

    With neither a message nor one of SERVFAIL, REFUSED, FORMERR and NOTIMP the client gets no answer at all. `failed`
    means that CoreDNS logs an error with it, at which autopath and minimal give up. `rewritten` means that the
    question was another one behind the rewrite plugin: the cache does not take such a response for an answer.
    """

    rcode: str
    message: Message | None = None
    failed: bool = False
    rewritten: bool = False


class Step(NamedTuple):
    """One thing that happened to a query: which plugin (or "server") did it, and what."""

    plugin: str
    text: str
    depth: int = 0


class Answer(NamedTuple):
    """The answer to a query.

    `rcode` is None when the answer cannot be known: no response is sent, it comes from elsewhere (`forwarded_to`), or
    a plugin is not evaluated; `error` then says so. `plugin` is who answered, `steps` the way there (empty unless
    asked for).
    """

    name: str
    type: str
    rcode: str | None
    authoritative: bool = False
    answer: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    recursion_available: bool = False
    error: str = ""
    forwarded_to: tuple[str, ...] = ()
    plugin: str = ""
    steps: tuple[Step, ...] = ()


def answer_of(name: str, rtype: str, message: Message, plugin: str = "", steps: tuple[Step, ...] = ()) -> Answer:
    """A message as the answer to `name` and `rtype`, in the case in which they were asked."""
    return Answer(
        name,
        rtype,
        message.rcode,
        message.authoritative,
        message.answer,
        message.authority,
        message.additional,
        message.recursion_available,
        plugin=plugin,
        steps=steps,
    )
