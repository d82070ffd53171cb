"""Build the optional Cython extensions; everything else stands in pyproject.toml.

Without a C compiler the package installs all the same and runs on its plain-Python twins. Set KCOMPILE_NO_EXTENSIONS=1
to leave the extensions out on purpose, KCOMPILE_ANNOTATE=1 to have Cython write its annotated HTML.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from setuptools import Extension, find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
C_FLAGS = ["-O3", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-sign-compare", "-Wno-cast-function-type"]
DIRECTIVES = {"language_level": 3, "boundscheck": False, "wraparound": False, "cdivision": True}


def extensions() -> list[Extension]:
    if os.environ.get("KCOMPILE_NO_EXTENSIONS"):
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        return []
    sources = sorted(path.relative_to(HERE) for path in (HERE / "native").glob("*.pyx"))
    headers = sorted(str(path.relative_to(HERE)) for path in (HERE / "native").glob("*.h"))
    modules = [
        Extension(
            f"kcompile.native.{path.stem}",
            [str(path)],
            include_dirs=["native"],
            depends=headers,
            extra_compile_args=C_FLAGS,
        )
        for path in sources
    ]
    annotate = bool(os.environ.get("KCOMPILE_ANNOTATE"))
    built = cythonize(modules, compiler_directives=DIRECTIVES, annotate=annotate, build_dir="build/cython")
    for module in built:
        # Cython makes new Extensions and forgets this: without a compiler the install goes on.
        module.optional = True
    return built


class BuildWithTables(build_py):
    """Also makes the LALR tables of the grammars, so that no run of the command has to."""

    def run(self) -> None:
        super().run()
        folder = HERE / "grammar" if self.editable_mode else Path(self.build_lib, "kcompile", "grammar")
        lalr, kinds = package_module("lalr"), package_module("frontend.kinds")
        manifests, dumps = package_module("frontend.grammar_tables"), package_module("readers.tables")
        grammars = {"manifest": (kinds.START_RULES, manifests.condense)}
        grammars |= {name: (start, dumps.condense) for name, start in dumps.GRAMMARS.items()}
        for name, (start, condense) in grammars.items():
            grammar = (HERE / "grammar" / f"{name}.lark").read_text("utf-8")
            try:
                tables = lalr.dump(grammar, start, condense)
            except ImportError:  # no Lark: the tables are made on first use
                return
            (folder / f"{name}.tables.json").write_text(tables, "utf-8")


def package_module(name: str) -> ModuleType:
    """A module of the package, which is not installed yet: its folder has another name."""
    if "kcompile" not in sys.modules:
        package = ModuleType("kcompile")
        package.__path__ = [str(HERE / "compiler")]
        sys.modules["kcompile"] = package
    return importlib.import_module(f"kcompile.{name}")


setup(
    cmdclass={"build_py": BuildWithTables},
    package_dir={"kcompile": "compiler", "kcompile.native": "native", "kcompile.grammar": "grammar"},
    packages=[
        "kcompile",
        *(f"kcompile.{name}" for name in find_packages("compiler")),
        "kcompile.native",
        "kcompile.grammar",
    ],
    package_data={"kcompile": ["py.typed"], "kcompile.native": ["*.pyi"], "kcompile.grammar": ["*.lark", "*.json"]},
    ext_modules=extensions(),
)
