"""What a Corefile says: tokens, directives, server blocks with their keys.

All of it is read after `{$VAR}` is replaced and `import` is carried out, as CoreDNS reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from kcompile.frontend.source import Source, Span


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a Corefile: the text that counts, and where it was written.

    `line` and `column` count from 1 in `source`. `importer` is the `import` argument that brought the token in.
    """

    text: str
    source: Source = field(repr=False)
    line: int
    column: int
    length: int
    importer: Token | None = field(default=None, repr=False)

    @property
    def span(self) -> Span:
        return self.source.span(self.line, self.column, max(1, self.length))

    @property
    def is_quoted(self) -> bool:
        """Whether the word was written in double quotes, and without escapes or variables."""
        return self.length == len(self.text) + 2

    @property
    def last_line(self) -> int:
        """The line on which a quoted token ends. CoreDNS counts the line breaks of the replaced text."""
        return self.line + self.text.count("\n")

    def follows(self, previous: Token) -> bool:
        """Whether CoreDNS takes this word as the next argument on the line of another."""
        return self.source is previous.source and self.line == previous.last_line


@dataclass(frozen=True, slots=True)
class Directive:
    """One occurrence of a plugin in a server block.

    `tokens` is everything that CoreDNS hands to the plugin: the name, the arguments, `{`, the lines of the block, `}`.
    """

    name: str
    tokens: tuple[Token, ...]

    @property
    def span(self) -> Span:
        return self.tokens[0].span

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words after the name on the same line, up to `{`."""
        words = []
        for previous, token in pairwise(self.tokens):
            if token.text == "{" or not token.follows(previous):
                break
            words.append(token.text)
        return tuple(words)

    @property
    def lines(self) -> tuple[tuple[Token, ...], ...]:
        """The lines between the outermost braces, inner braces included as tokens."""
        start = next((i for i, token in enumerate(self.tokens) if token.text == "{"), None)
        if start is None:
            return ()
        lines: list[list[Token]] = []
        previous: Token | None = None
        for token in self.tokens[start + 1 : -1]:
            if previous is None or token.source is not previous.source or token.line > previous.last_line:
                lines.append([])
            lines[-1].append(token)
            previous = token
        return tuple(map(tuple, lines))


@dataclass(frozen=True, slots=True)
class ServerKey:
    """One zone that a server block serves.

    A key that is a reverse network such as `10.0.0.0/15` stands for several of these. `zone` is absolute and keeps its
    case, because CoreDNS never matches an upper-case zone. `text` is `scheme://zone:port`, as CoreDNS prints it.
    """

    scheme: str
    zone: str
    port: str
    token: Token

    @property
    def text(self) -> str:
        return f"{self.scheme}://{self.zone}:{self.port}"


@dataclass(frozen=True, slots=True)
class ServerBlock:
    """The keys as written, and the directives in the order of the text."""

    keys: tuple[Token, ...]
    directives: tuple[Directive, ...]


@dataclass(frozen=True, slots=True)
class Corefile:
    """The server blocks in the order of the text. Without any, CoreDNS serves `.:53` with whoami and log."""

    source: Source
    server_blocks: tuple[ServerBlock, ...]
