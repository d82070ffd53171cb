"""Hold compiled rules against the tools of a node: `kcompile build --check`.

Every tool runs in a network namespace of its own that ends with it, so it sees an empty node and nothing reaches the
host's rules: nftables text goes to libnftables as a dry run, iptables text to `iptables-restore --test`. ipsets are
loaded there first, for the rules that name them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kcompile.check.sandbox import DRY_RUN, Answer, CannotIsolate, Step, run_isolated
from kcompile.diagnostics import Diagnostic, error, warning
from kcompile.frontend.source import Source, Span


@dataclass(frozen=True, slots=True)
class Tool:
    """`argv` reads rules from standard input; `package` is the Debian package that has it."""

    argv: tuple[str, ...]
    package: str


NFTABLES = Tool(DRY_RUN, "python3-nftables")

TOOLS: Mapping[str, Tool] = {
    "nftables.nft": NFTABLES,
    "nftables.commands": NFTABLES,
    "ipset.rules": Tool(("ipset", "restore"), "ipset"),
    "iptables.rules": Tool(("iptables-restore", "--test"), "iptables"),
    "ip6tables.rules": Tool(("ip6tables-restore", "--test"), "iptables"),
    "iptables.restore": Tool(("iptables-restore", "--test", "--noflush"), "iptables"),
    "ip6tables.restore": Tool(("ip6tables-restore", "--test", "--noflush"), "iptables"),
}
"""The tool for each file of a node, in the order in which they run."""

WITHOUT_DRY_RUN = ("ipvsadm.rules", "ip.batch")
"""Files whose tools cannot be asked without loading them."""

NFT_ERROR = re.compile(r"^/dev/stdin:(?P<line>\d+):(?P<column>\d+)-(?P<end>\d+): Error: (?P<message>.*)$", re.MULTILINE)
# `Error occurred at line: 3` and `line 3 failed` of iptables-restore, `Error in line 3: ...` of ipset.
LINE = re.compile(r"\bline:? (\d+)")
NO_MODULE = "missing kernel module"
GREETING = re.compile(r"^\S+ v[\d.]+( \(\w+\))?: ")


def check_files(files: Mapping[str, bytes]) -> tuple[Diagnostic, ...]:
    """What the real tools say about files of a node, named as in its folder; files without a tool are left alone.

    Errors are what a tool refuses, at the line that it names; warnings are the checks that could not be made, with what
    to install for them.
    """
    names = [name for name in TOOLS if name in files]
    if not names:
        return ()
    try:
        answers = run_isolated([Step(TOOLS[name].argv, files[name].decode()) for name in names])
    except CannotIsolate as problem:
        return tuple(warning("not-checked", f"{name} was not checked: {problem}", hint=problem.hint) for name in names)
    return tuple(
        diagnostic
        for name, answer in zip(names, answers, strict=True)
        for diagnostic in _diagnostics(name, Source(name, files[name]), answer)
    )


def check_nftables(text: bytes) -> tuple[Diagnostic, ...]:
    """What libnftables says about nftables text, in either form; otherwise as `check_files`."""
    return check_files({"nftables.nft": text})


def check_iptables(text: bytes, family: int = 4) -> tuple[Diagnostic, ...]:
    """What iptables-restore, or ip6tables-restore for family 6, says about a dump; otherwise as `check_files`."""
    return check_files({"iptables.rules" if family == 4 else "ip6tables.rules": text})


def _diagnostics(name: str, source: Source, answer: Answer) -> Iterator[Diagnostic]:
    tool = TOOLS[name]
    if answer.status == "missing":
        hint = f"on Debian: apt-get install {tool.package}"
        yield warning("not-checked", f"{name} was not checked: {answer.message}", hint=hint)
    elif NO_MODULE in answer.message:
        hint = "run it on a kernel that has what the rules match on, such as ip_vs"
        yield warning("not-checked", f"{name} was not checked: {_first_line(answer.message)}", hint=hint)
    elif answer.status == "refused":
        for span, said in _complaints(source, answer.message):
            yield error("refused-by-tool", f"{tool.argv[0]} refuses it: {said}", span)


def _complaints(source: Source, message: str) -> Iterator[tuple[Span | None, str]]:
    """What a tool said, and about which place; iptables-restore and ipset stop at the first, nft goes on."""
    errors = list(NFT_ERROR.finditer(message))
    for found in errors:
        column = int(found["column"])
        yield source.span(int(found["line"]), column, int(found["end"]) - column + 1), found["message"]
    if not errors:
        numbers = LINE.search(message)
        number = int(numbers[1]) if numbers else 0
        span = source.span(number, 1, max(1, len(source.line(number)))) if number else None
        yield span, _first_line(message)


def _first_line(message: str) -> str:
    lines = message.strip().splitlines()
    return GREETING.sub("", lines[0]) if lines else "it does not say why"
