"""template: answers made from the question with Go templates."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.gotemplate import Template as GoTemplate
from kcompile.frontend.corefile.regexp import Regexp


@dataclass(frozen=True, slots=True)
class Template:
    """One `template`. `query_class` and `query_type` are numbers, 255 is ANY.

    Any of `patterns` may match the name; its groups are the template's `.Group` and `.Match`.
    """

    zones: tuple[str, ...]
    query_class: int
    query_type: int
    patterns: tuple[Regexp, ...]
    answer: tuple[GoTemplate, ...] = ()
    additional: tuple[GoTemplate, ...] = ()
    authority: tuple[GoTemplate, ...] = ()
    rcode: int = 0
    extended_error: tuple[int, str] | None = None
    fallthrough: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateSettings(Settings):
    templates: tuple[Template, ...]
