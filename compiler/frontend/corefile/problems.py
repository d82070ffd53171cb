"""What is wrong with a Corefile, in CoreDNS's words and as a diagnostic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kcompile.diagnostics import Diagnostic, Severity
from kcompile.frontend.corefile.syntax import Token


@dataclass(frozen=True, slots=True)
class Problem:
    """One error or warning.

    CoreDNS names file and line only in errors of its parser: `style` says which of its forms it uses. `prefix` comes
    before that, such as `plugin/acl: `. `token` is where we point to, also where CoreDNS names no place.
    """

    code: str
    message: str
    token: Token | None = None
    style: Literal["parsing", "syntax", "plain"] = "plain"
    prefix: str = ""
    hint: str = ""
    severity: Severity = Severity.ERROR

    @property
    def coredns_text(self) -> str:
        place = ""
        if self.style != "plain":
            what = "Error during parsing" if self.style == "parsing" else "Syntax error"
            place = f"{_file(self.token)}:{self.token.line if self.token else 0} - {what}: "
        return f"{self.prefix}{place}{self.message}"

    @property
    def diagnostic(self) -> Diagnostic:
        # A plugin's name stands before its message once, however often CoreDNS wraps the error.
        plugin = self.prefix.split(": ")[0].removeprefix("plugin/")
        message = f"{plugin}: {self.message}" if plugin else self.message
        return Diagnostic(self.severity, self.code, message, self.token.span if self.token else None, self.hint)


def warning(code: str, message: str, token: Token | None = None, hint: str = "", prefix: str = "") -> Problem:
    return Problem(code, message, token, prefix=prefix, hint=hint, severity=Severity.WARNING)


def _file(token: Token | None) -> str:
    # A Corefile inside a ConfigMap has the name that CoreDNS gives it, not that of the manifest.
    return token.source.name if token and token.source.parent is None else "Corefile"
