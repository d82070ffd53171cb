"""From the text of manifests to objects, and to a completed cluster.

YAML is compared with PyYAML's C loader, JSON with msgspec, both to plain dicts. kcompile switches the garbage collector
off while it reads, which is worth a factor of up to 3 to everybody: so the competitors stand there as a user has them,
and once more with the collector off. Lark, which gives trees, and the twin, our reader in plain Python, read a tenth of
the cluster.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.figure import Case, Figure, Work
from benchmarks.reference_cluster import Form, reference_cluster

TWIN_SHARE = 10


def _objects(form: Form) -> Callable[[int], Work]:
    def prepare(services: int) -> Work:
        from kcompile.collection import no_collection
        from kcompile.frontend.manifests import read_manifests
        from kcompile.frontend.source import Source

        path = reference_cluster(form, services)
        source = Source(path.name, path.read_bytes())

        def run() -> object:
            with no_collection():
                read = read_manifests([source])
            assert len(read.objects) == 2 * services, read.diagnostics[:3]
            return read

        return _work(run, path)

    return prepare


def _twin(form: Form) -> Callable[[int], Work]:
    def prepare(services: int) -> Work:
        from kcompile.frontend import manifests
        from kcompile.frontend.events import Unsure

        def unsure(*_: object) -> Any:
            raise Unsure

        manifests.fast_cursor = unsure
        return _objects(form)(max(1, services // TWIN_SHARE))

    return prepare


def _lark(services: int) -> Work:
    from benchmarks.lark_reader import lark_parser, trees
    from kcompile.frontend.source import Source

    path = reference_cluster("documents.yaml", max(1, services // TWIN_SHARE))
    source = Source(path.name, path.read_bytes())
    lark = lark_parser()
    return _work(lambda: trees(lark, source), path)


def _pyyaml(form: Form, collect: bool) -> Callable[[int], Work]:
    def prepare(services: int) -> Work:
        import yaml

        path = reference_cluster(form, services)
        text = path.read_bytes()
        return _work(lambda: list(yaml.load_all(text, Loader=yaml.CSafeLoader)), path, collect)

    return prepare


def _msgspec(collect: bool) -> Callable[[int], Work]:
    def prepare(services: int) -> Work:
        import msgspec

        path = reference_cluster("json", services)
        text = path.read_bytes()
        return _work(lambda: msgspec.json.decode(text), path, collect)

    return prepare


def _passes(services: int) -> Work:
    from kcompile.collection import no_collection
    from kcompile.frontend.assemble import assemble
    from kcompile.frontend.manifests import read_manifests
    from kcompile.frontend.source import Source
    from kcompile.passes.pipeline import complete

    path = reference_cluster("json", services)
    with no_collection():
        read = read_manifests([Source(path.name, path.read_bytes())])
        cluster, _ = assemble(read.objects, read.skipped)

    def run() -> object:
        with no_collection():
            return complete(cluster)

    return Work(run, path.name, services, "Services")


def _work(run: Callable[[], object], path: Path, collect: bool = True) -> Work:
    if not collect:
        gc.disable()
    return Work(run, path.name, path.stat().st_size)


FIGURES = (
    Figure(
        "yaml",
        "YAML to objects, one document for each",
        (
            Case("kcompile", _objects("documents.yaml")),
            Case("PyYAML, CSafeLoader", _pyyaml("documents.yaml", True)),
            Case("the same without collector", _pyyaml("documents.yaml", False)),
            Case("Lark over PyYAML's events", _lark),
            Case("the twin in Python", _twin("documents.yaml")),
        ),
    ),
    Figure(
        "yaml_list",
        "YAML to objects, as kubectl get -o yaml prints them",
        (Case("kcompile", _objects("yaml")), Case("PyYAML, CSafeLoader", _pyyaml("yaml", True))),
    ),
    Figure(
        "json",
        "JSON to objects, as kubectl get -o json prints them",
        (
            Case("kcompile", _objects("json")),
            Case("msgspec", _msgspec(True), "msgspec"),
            Case("the same without collector", _msgspec(False), "msgspec"),
            Case("the twin in Python", _twin("json")),
        ),
    ),
    Figure("passes", "defaults, validation, allocation and controllers", (Case("kcompile", _passes),)),
)
