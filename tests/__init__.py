"""The tests of kcompile; `tests/` mirrors `compiler/`."""
