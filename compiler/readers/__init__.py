"""Rulesets from text: one module for each language of dumps."""

from kcompile.readers.detect import IPFamily, UnknownLanguage, language_of, read_ruleset

__all__ = ["IPFamily", "UnknownLanguage", "language_of", "read_ruleset"]
