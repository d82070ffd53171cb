"""The grammars, one for each language that kcompile reads."""
