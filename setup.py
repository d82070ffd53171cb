"""Build the optional Cython extensions; everything else stands in pyproject.toml.

Without a C compiler the package installs all the same and runs on its plain-Python twins. Set KCOMPILE_NO_EXTENSIONS=1
to leave the extensions out on purpose, KCOMPILE_ANNOTATE=1 to have Cython write its annotated HTML.
"""

from __future__ import annotations

import os
from pathlib import Path

from setuptools import Extension, find_packages, setup

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
    modules = [
        Extension(f"kcompile.native.{path.stem}", [str(path)], extra_compile_args=C_FLAGS, optional=True)
        for path in sources
    ]
    annotate = bool(os.environ.get("KCOMPILE_ANNOTATE"))
    return cythonize(modules, compiler_directives=DIRECTIVES, annotate=annotate, build_dir="build/cython")


setup(
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
