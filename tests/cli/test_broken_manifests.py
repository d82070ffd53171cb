"""Every broken manifest ends in a clear error, soon, and touches nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.broken import GOOD, broken_manifests
from tests.cli.command import kcompile

CASES = tuple(broken_manifests())


def test_there_are_a_hundred_and_the_original_is_good() -> None:
    assert len(CASES) >= 100
    assert kcompile("-", stdin=GOOD.encode()).status == 0


@pytest.mark.parametrize(("what", "text"), CASES, ids=[what for what, _ in CASES])
def test_a_broken_manifest_ends_in_a_clear_error(what: str, text: bytes, tmp_path: Path) -> None:
    file, out = tmp_path / "broken.yaml", tmp_path / "out"
    file.write_bytes(text)
    out.mkdir()
    (out / "objects.yaml").write_text("old")
    done = kcompile(file, "-o", out)
    assert done.status == 1, done.stderr[-500:]
    first = done.stderr.splitlines()[0]
    place, _, message = first.partition(": error[")
    name, line, column = place.rsplit(":", 2)
    assert name == str(file)
    assert int(line) >= 1
    assert int(column) >= 1
    assert message
    assert "Traceback" not in done.stderr
    assert done.seconds < 2
    assert done.megabytes < 500
    assert [path.name for path in out.iterdir()] == ["objects.yaml"]
    assert (out / "objects.yaml").read_text() == "old"
