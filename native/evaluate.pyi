from typing import Any

from kcompile.evaluate.program import Program

def evaluate_ipv4(
    program: Program,
    seed: int,
    source: Any,
    destination: Any,
    protocol: Any,
    port: Any,
    source_port: Any,
    local: Any,
    mark: Any,
    choice: Any,
    verdict: Any,
    to: Any,
    to_port: Any,
    masquerade: Any,
    line: Any,
) -> None: ...
def evaluate_ipv6(
    program: Program,
    seed: int,
    source: Any,
    destination: Any,
    protocol: Any,
    port: Any,
    source_port: Any,
    local: Any,
    mark: Any,
    choice: Any,
    verdict: Any,
    to: Any,
    to_port: Any,
    masquerade: Any,
    line: Any,
) -> None: ...
