"""Manifests, natively and in Python: the same tokens, objects and errors; and no text that the command falls over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

import kcompile
from tests.native.both_readers import hold, read_both

ROOT = Path(__file__).parents[2]
LONGEST_SEED = 4000


def tokens_of_yaml(data: bytes) -> None:
    hold(data, line_offset=len(data) % 3)


def tokens_of_json(data: bytes) -> None:
    hold(data, is_json=True)


def objects(data: bytes) -> None:
    """Of YAML, and where it begins like JSON, of JSON."""
    found, expected = read_both(data, "a.yaml")
    assert found == expected


def rules(data: bytes) -> None:
    """Whatever is wrong is reported as such; what is right becomes rules in every mode."""
    try:
        cluster = kcompile.loads(data, "a.yaml")
    except kcompile.Errors:
        return
    for mode, form in (("iptables", "iptables-save"), ("nftables", "nft"), ("ipvs", "ipvsadm")):
        cluster.node(cluster.node_names[0], mode=mode).emit(form)


def yaml_seeds() -> Iterator[bytes]:
    for pattern in ("golden/*/input/*.yaml", "examples/*/*.yaml", "tests/data/**/*.yaml"):
        for path in sorted(ROOT.glob(pattern)):
            yield from (b"---" + part for part in path.read_bytes().split(b"\n---") if len(part) < LONGEST_SEED)


def json_seeds() -> Iterator[bytes]:
    for text in yaml_seeds():
        try:
            yield json.dumps(yaml.safe_load(text), indent=1).encode()
        except (yaml.YAMLError, TypeError):
            continue
