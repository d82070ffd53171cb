"""Random and broken Corefiles: read without a traceback or a hang, and formatted without a change of meaning."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from kcompile.frontend.corefile.configuration import Configuration
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.format import format_corefile
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.source import Source
from tests.frontend.corefile.generate import corefile, mutated

SEED = 20251122
MOST_SECONDS = 5.0
"""What one small Corefile may take on a busy machine; usual are some milliseconds."""


def load(text: str, files: Files) -> Configuration:
    started = time.monotonic()
    configuration = load_corefile(
        Source("Corefile", text.encode("utf-8", "replace")), {"X": "x", "SELF": "a{$SELF}"}, files
    )
    assert time.monotonic() - started < MOST_SECONDS, text
    return configuration


def formatted(text: str) -> str:
    return format_corefile(Source("Corefile", text.encode("utf-8", "replace")))


def meaning(configuration: Configuration) -> object:
    """All that a Corefile says, without the places where it says it."""
    rejection = configuration.rejection
    return (
        [[token.text for token in block.keys] for block in configuration.corefile.server_blocks],
        [
            [(directive.name, directive.arguments, [[t.text for t in line] for line in directive.lines])]
            for block in configuration.corefile.server_blocks
            for directive in block.directives
        ],
        [
            ([key.text for key in server.keys], [(plugin.name, plugin.settings) for plugin in server.plugins])
            for server in configuration.servers
        ],
        re.sub(r"(?<=Corefile:)\d+", "N", rejection.text) if rejection else None,
        sorted(diagnostic.code for diagnostic in configuration.diagnostics),
    )


def check(text: str, files: Files) -> bool:
    """Whether it is accepted; fails where a property does not hold."""
    configuration = load(text, files)
    once = formatted(text)
    assert formatted(once) == once, text
    assert meaning(load(once, files)) == meaning(configuration), text
    return configuration.rejection is None


def built(random: Random, number: int) -> Iterator[str]:
    for _ in range(number):
        yield corefile(random)


def broken(random: Random, number: int) -> Iterator[str]:
    originals = list(built(random, 300))
    for _ in range(number):
        yield mutated(random, random.choice(originals), originals)


@pytest.mark.parametrize(
    ("built_count", "broken_count"),
    [(100, 500), pytest.param(2000, 10000, marks=pytest.mark.slow)],
    ids=["some", "all"],
)
def test_no_traceback_no_hang_and_formatting_keeps_the_meaning(
    built_count: int, broken_count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(SEED)
    (tmp_path / "part.conf").write_text("errors\ncache 30 {\n  keepttl\n}\n")
    (tmp_path / "Corefile").write_text(".:53 {\n  import Corefile\n}\n")
    monkeypatch.chdir(tmp_path)
    files = Files()
    accepted = sum(check(text, files) for text in built(random, built_count))
    # Else the generator would say little about Corefiles that CoreDNS takes.
    assert accepted > built_count // 4
    accepted = sum(check(text, files) for text in broken(random, broken_count))
    assert 0 < accepted < broken_count // 2
