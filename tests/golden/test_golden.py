"""Each scenario of golden/ compiles to its expected files."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import kcompile
from kcompile.targets.objects import objects
from tests.golden.scenarios import GOLDEN, SCENARIOS, expected_files, recorded_files


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario_compiles_to_its_expected_files(scenario: str) -> None:
    expected, compiled = recorded_files(scenario), expected_files(scenario)
    assert sorted(compiled) == sorted(expected), "run `make golden`, then read the difference"
    for name, text in compiled.items():
        assert text.decode() == expected[name].decode(), f"{name} differs: run `make golden`, then read the difference"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario_begins_with_a_sentence_on_what_it_shows(scenario: str) -> None:
    title, blank, sentence, *_ = (GOLDEN / scenario / "README.md").read_text().split("\n")
    assert title.startswith("# ")
    assert blank == ""
    assert sentence


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_completed_objects_compile_to_the_same_output(scenario: str) -> None:
    cluster = kcompile.load([GOLDEN / scenario / "input"])
    again = kcompile.loads(objects(cluster.model))
    assert objects(again.model) == objects(cluster.model)
    for node in cluster.node_names:
        assert again.node(node).files() == cluster.node(node).files()


DIGEST = """
import hashlib
from tests.golden.scenarios import SCENARIOS, expected_files
print(hashlib.sha256(repr([sorted(expected_files(s).items()) for s in SCENARIOS]).encode()).hexdigest())
"""


def test_a_second_run_changes_nothing_under_any_hash_seed() -> None:
    here = hashlib.sha256(
        repr([sorted(expected_files(scenario).items()) for scenario in SCENARIOS]).encode()
    ).hexdigest()
    for seed in range(10):
        done = subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == here, f"PYTHONHASHSEED={seed}"
