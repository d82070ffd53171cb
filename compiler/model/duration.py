"""Go durations, as configuration writes them: `15m0s`, `1.5h`, `0`."""

from __future__ import annotations

import re

NANOSECONDS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}

_component = re.compile(r"(\d*)(?:\.(\d*))?(ns|us|ms|s|m|h)")


def seconds(text: str) -> int:
    """The whole seconds of a duration that validation has passed; "" counts as 0."""
    total = 0
    for whole, fraction, unit in _component.findall(text):
        total += int(whole or 0) * NANOSECONDS[unit]
        total += int(fraction or 0) * NANOSECONDS[unit] // 10 ** len(fraction)
    return total // 10**9
