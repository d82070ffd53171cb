"""Rulesets from text: one module for each language of dumps."""

from kcompile.readers.detect import UnknownLanguage, language_of, read_ruleset

__all__ = ["UnknownLanguage", "language_of", "read_ruleset"]
