from __future__ import annotations

import pytest

from kcompile.model.duration import seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("0", 0),
        ("0s", 0),
        ("15m0s", 900),
        ("1h1m1s", 3661),
        ("1.5h", 5400),
        (".5m", 30),
        ("999ms", 0),
        ("500ms500ms", 1),
        ("1999999us", 1),
    ],
)
def test_seconds_are_whole_and_cut(text: str, expected: int) -> None:
    assert seconds(text) == expected
