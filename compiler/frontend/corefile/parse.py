"""From words to server blocks: the grammar in grammar/corefile.lark, driven word by word.

CoreDNS's parser decides by context what a word is: a brace opens a block or is an argument, a line end ends a directive
or does not, `import` is replaced where it stands, a variable counts or not. So the words are classed one at a time, by
the terminals that the grammar's LALR state expects.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import resources

from lark import Lark, Tree, UnexpectedToken
from lark import Token as Terminal
from lark.parsers.lalr_interactive_parser import InteractiveParser

from kcompile import lalr
from kcompile.frontend.corefile.directives import DIRECTIVES, POSITION, REMOVED
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.imports import MAX_DEPTH, Importer, ImportFailure
from kcompile.frontend.corefile.problems import Problem, warning
from kcompile.frontend.corefile.syntax import Corefile, Directive, ServerBlock, Token
from kcompile.frontend.corefile.tokens import MAX_BYTES, scan
from kcompile.frontend.corefile.variables import VariableLoop, replace_variables, undefined_variables
from kcompile.frontend.source import Source

MAX_TOKENS = 200_000
"""How many words a Corefile may have with its imports: those of the largest ConfigMap, and more."""

MAX_NESTING = 500

_MAX_HINTS = 100
"""So many unknown directives are compared with the known ones: that takes a while each."""


def parse_corefile(
    source: Source, environment: Mapping[str, str], files: Files
) -> tuple[Corefile, tuple[Problem, ...]]:
    """The server blocks of a text with its imports, and every problem in the order in which CoreDNS would meet it.

    After an error that leaves no doubt about what was meant, such as an unknown directive, reading goes on.
    """
    if len(source.data) > MAX_BYTES:
        problem = Problem("too-large", f"a Corefile of more than {MAX_BYTES >> 20} MiB", Token("", source, 1, 1, 0))
        return Corefile(source, ()), (problem,)
    stream = _Stream(source, environment, files)
    tree = stream.parse()
    nodes = (node for node in tree.children if isinstance(node, Tree) and node.data == "server_block")
    blocks = [_server_block(node, stream.read) for node in nodes]
    # A block without keys is checked like any other and then forgotten.
    return Corefile(source, tuple(block for block in blocks if block.keys)), tuple(stream.problems)


@lru_cache(maxsize=1)
def _grammar() -> Lark:
    text = resources.files("kcompile.grammar").joinpath("corefile.lark").read_text()
    return lalr.lark(text, ("corefile",))


class _Stop(Exception):
    """What follows cannot be read."""


class _Stream:
    """The words, with imports spliced in as they are reached, and the state of the parser over them."""

    def __init__(self, source: Source, environment: Mapping[str, str], files: Files) -> None:
        self.problems: list[Problem] = []
        self.read: list[Token] = []
        self._tokens = list(scan(source).tokens)
        self._next = 0
        self._environment = environment
        self._undefined: set[str] = set()
        self._importer = Importer(files)
        self._parser: InteractiveParser = _grammar().parse_interactive("")
        self._no_token = Token("", source, 1, 1, 0)
        self._brace: Token | None = None
        """The brace that opened the server block; None in a block without braces."""
        self._depth = 0
        """How many braces of a directive or snippet are open."""
        self._snippet: list[Token] = []
        self._snippet_name: str | None = None

    def parse(self) -> Tree[Terminal]:
        try:
            self._check_size(self._no_token)
            for terminal, token in self._terminals():
                self._feed(terminal, token)
        except UnexpectedToken as error:
            self._unexpected(str(error.token.type), frozenset(error.expected))
        except _Stop:
            pass
        # End the text wherever it is: what was read so far is kept.
        while "$END" not in (expected := self._expected()):
            self._feed(next(t for t in ("CLOSE", "NEWLINE", "END", "OPEN", "KEY") if t in expected), self._no_token)
        tree: Tree[Terminal] = self._parser.feed_token(Terminal("$END", ""))
        return tree

    def _feed(self, terminal: str, token: Token) -> None:
        self.read.append(token)
        self._parser.feed_token(Terminal(terminal, token.text, start_pos=len(self.read) - 1))

    def _expected(self) -> Collection[str]:
        state = self._parser.parser_state
        return state.parse_conf.states[state.position].keys()

    # What comes next

    def _terminals(self) -> Iterator[tuple[str, Token]]:
        while True:
            expected = self._expected()
            if "KEY" in expected:
                if self._peek() is None:
                    return
                yield from self._keys()
            elif "NAME" in expected:
                yield self._name()
            elif "WORD" in expected or "INNER" in expected:
                yield self._word()
            else:
                yield self._raw()

    def _keys(self) -> Iterator[tuple[str, Token]]:
        """All keys of a block, and what ends them."""
        keys: list[tuple[str, Token]] = []
        continued = False
        while (token := self._peek()) is not None:
            text = self._replaced(token)
            if text == "import" and self._is_new_line():
                self._import()
                continue
            if text == "{":
                break
            self._next += 1
            if text:
                continued = text.endswith(",")
                terminal = "CONTINUED_KEY" if continued else "KEY"
                keys.append((terminal, replace(token, text=text.removesuffix(","))))
            if not continued and self._is_new_line():
                break
        following = self._peek()
        if following and len(keys) == 1 and not continued and _is_snippet_name(keys[0][1].text):
            self._begin_snippet(keys[0][1].text[1:].removesuffix(")"), following)
            yield "SNIPPET", keys[0][1]
            return
        yield from keys
        self._brace = following if following and following.text == "{" else None
        if self._brace:
            self._next += 1
            yield "OPEN", self._brace
        elif following:
            yield "NEWLINE", following
        elif keys:
            yield "END", self._last

    def _name(self) -> tuple[str, Token]:
        while (token := self._peek()) is not None and token.text == "import":
            self._import()
        if token is None:
            # CoreDNS looks at the last word it has: a brace that closed a directive also closes the block.
            return "CLOSE" if self._brace and self._last.text == "}" else "END", self._last
        self._next += 1
        if token.text == "}":
            return "CLOSE", token
        name = self._replaced(token)
        if name not in POSITION:
            hint = _unknown_hint(name) if len(self.problems) < _MAX_HINTS else ""
            self._report(Problem("unknown-directive", f"Unknown directive '{name}'", token, "parsing", hint=hint))
        return "NAME", replace(token, text=name)

    def _word(self) -> tuple[str, Token]:
        while (token := self._peek()) is not None:
            if token.text == "{":
                self._next += 1
                return self._open(token)
            if not self._depth and self._is_new_line():
                break
            if token.text == "}":
                if self._depth or self._is_closed_early(token):
                    break
                self._next += 1
            elif token.text == "import" and self._is_new_line():
                self._import()
            else:
                token = self._tokens[self._next] = replace(token, text=self._replaced(token))
                self._next += 1
                return "INNER" if self._depth else "WORD", token
        if not self._depth:
            return "NEWLINE", self._last
        if token is None:
            return "END", self._last
        self._next += 1
        self._depth -= 1
        return "CLOSE", token

    def _is_closed_early(self, token: Token) -> bool:
        """Report a `}` after a directive on its line. Whether it closes the block: in `{ whoami }` that was meant."""
        hint = "write } on a line of its own"
        message = "Unexpected '}' because no matching opening brace"
        self._report(Problem("unmatched-brace", message, token, "parsing", hint=hint))
        return self._brace is None or self._brace.line == token.line

    def _raw(self) -> tuple[str, Token]:
        """A word of a snippet, the brace that opens it included. Braces are counted, nothing else."""
        token = self._peek()
        if token is None:
            return "END", self._last
        self._next += 1
        if token.text == "}" and self._depth == 1:
            self._end_snippet(token)
        elif self._depth:
            self._snippet.append(token)
        if token.text == "{":
            return self._open(token)
        self._depth -= token.text == "}"
        return "CLOSE" if token.text == "}" else "RAW", token

    def _open(self, token: Token) -> tuple[str, Token]:
        self._depth += 1
        if self._depth > MAX_NESTING:
            self._report(Problem("nesting", f"braces are nested more than {MAX_NESTING} deep", token))
            raise _Stop
        return "OPEN", token

    # Snippets and imports

    def _begin_snippet(self, name: str, following: Token) -> None:
        self._snippet, self._snippet_name = [], name
        if name in self._importer.snippets:
            self._snippet_name = None
            message = f"redeclaration of previously declared snippet {name}"
            self._report(Problem("snippet-redeclared", message, following, "parsing"))

    def _end_snippet(self, brace: Token) -> None:
        name, words = self._snippet_name, self._snippet
        if name is None:
            return
        for position, word in enumerate(words[:-1]):
            previous = words[position - 1] if position else None
            starts_line = previous is None or (previous.source, previous.line) != (word.source, word.line)
            if word.text == "import" and starts_line and self._replaced(words[position + 1]) == name:
                message = f"maximum snippet import depth ({MAX_DEPTH}) exceeded"
                hint = f"the snippet imports itself on line {word.line}"
                self._report(Problem("import-depth", message, brace, "parsing", hint=hint))
                words = []
                break
        self._importer.snippets[name] = tuple(words)

    def _import(self) -> None:
        """Put what is imported in the place of the statement at the cursor."""
        arguments = self._same_line(self._next)
        imported: tuple[Token, ...] = ()
        try:
            imported = self._imported(arguments)
        except _ImportProblem as failure:
            self._report(failure.problem)
        self._tokens[self._next : self._next + len(arguments)] = imported
        self._check_size(arguments[0])

    def _check_size(self, token: Token) -> None:
        if len(self._tokens) > MAX_TOKENS:
            self._report(Problem("too-large", f"more than {MAX_TOKENS} words with all imports", token))
            raise _Stop

    def _imported(self, words: Sequence[Token]) -> tuple[Token, ...]:
        if len(words) == 1:
            message = f"Wrong argument count or unexpected line ending after '{words[0].text}'"
            raise _ImportProblem(Problem("import-argument", message, words[0], "parsing"))
        pattern = self._replaced(words[1])
        if not pattern:
            message = "Import requires a non-empty filepath"
            raise _ImportProblem(Problem("import-argument", message, words[1], "parsing"))
        if len(words) > 2:
            message = "Import takes only one argument (glob pattern or file)"
            hint = "snippets take no arguments" if pattern in self._importer.snippets else ""
            raise _ImportProblem(Problem("import-argument", message, words[2], "parsing", hint=hint))
        try:
            imported = self._importer.load(pattern, words[1])
        except ImportFailure as failure:
            raise _ImportProblem(Problem("import", str(failure), words[1], "parsing")) from None
        if imported.warning:
            self._report(warning("import-nothing", imported.warning, words[1]))
        return imported.tokens

    # The cursor

    def _peek(self) -> Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    @property
    def _last(self) -> Token:
        return self._tokens[self._next - 1] if self._next else self._no_token

    def _is_new_line(self) -> bool:
        """Whether the next word starts a line. Words of one file on the same line number count as one line."""
        token = self._peek()
        if not self._next or token is None:
            return token is not None
        return token.source is not self._last.source or self._last.last_line < token.line

    def _same_line(self, start: int) -> list[Token]:
        end = start + 1
        while end < len(self._tokens) and self._tokens[end].follows(self._tokens[end - 1]):
            end += 1
        return self._tokens[start:end]

    def _replaced(self, token: Token) -> str:
        for name in undefined_variables(token.text, self._environment):
            if name not in self._undefined:
                self._undefined.add(name)
                hint = f"give it one with --env {name}=VALUE"
                self._report(
                    warning("undefined-variable", f"`{name}` has no value here and is taken as empty", token, hint)
                )
        try:
            return replace_variables(token.text, self._environment)
        except VariableLoop:
            message = f"the variable in `{token.text[:60]}` refers to itself: CoreDNS never finishes reading this"
            self._report(Problem("variable-loop", message, token))
            return ""

    def _report(self, problem: Problem) -> None:
        if problem not in self.problems[-2:]:
            self.problems.append(problem)

    def _unexpected(self, terminal: str, expected: frozenset[str]) -> None:
        token = self.read[-1]
        if terminal in ("OPEN", "NEWLINE"):
            message = "Expected another address but had '{' - check for extra comma"
            problem = Problem("extra-comma", message, token, "parsing")
        elif "RAW" in expected or "NAME" in expected or expected == {"OPEN"}:
            brace = "{" if expected == {"OPEN"} else "}"
            message = f"Unexpected token '{token.text}', expecting '{brace}'"
            problem = Problem("missing-brace", message, token, "syntax", hint=self._missing_brace_hint())
        else:
            problem = Problem("unexpected-end", "Unexpected EOF", token, "parsing")
        self._report(problem)

    def _missing_brace_hint(self) -> str:
        return f"the block that begins on line {self._brace.line} is not closed" if self._brace else ""


class _ImportProblem(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _is_snippet_name(text: str) -> bool:
    return text.startswith("(") and text.endswith(")") and len(text) > 1


def _unknown_hint(name: str) -> str:
    if name in REMOVED:
        return REMOVED[name]
    if close := difflib.get_close_matches(name.lower(), DIRECTIVES, 1):
        return f"did you mean `{close[0]}`?"
    if ":" in name or "." in name:
        return "a server block after one without braces, or after a missing }, is taken for a directive"
    return "a default build of CoreDNS has no such plugin"


def _server_block(node: Tree[Terminal], read: Sequence[Token]) -> ServerBlock:
    terminals = [child for child in node.children if isinstance(child, Terminal)]
    keys = [_token(terminal, read) for terminal in terminals if terminal.type in ("KEY", "CONTINUED_KEY")]
    return ServerBlock(
        tuple(key for key in keys if key.length),
        tuple(_directive(child, read) for child in node.children if isinstance(child, Tree)),
    )


def _directive(node: Tree[Terminal], read: Sequence[Token]) -> Directive:
    terminals = [child for child in node.children if isinstance(child, Terminal)]
    tokens = tuple(_token(terminal, read) for terminal in terminals if terminal.type != "NEWLINE")
    return Directive(tokens[0].text, tuple(token for token in tokens if token.length))


def _token(terminal: Terminal, read: Sequence[Token]) -> Token:
    assert terminal.start_pos is not None
    return read[terminal.start_pos]
