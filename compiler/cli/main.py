"""The command `kcompile`: finds the command's module, and turns failures into messages and exit statuses.

Exit status 0: done. 1: the input is wrong, or the answer is no. 2: wrong usage.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from kcompile import __version__
from kcompile.diagnostics import Errors, KcompileError

COMMANDS = {
    "build": "compile manifests into rules (the default command)",
    "corefile": "check, format or explain a Corefile",
    "dig": "what a name resolves to in this cluster, and how",
    "show": "Services, endpoints, rules and records as kubectl and the node's tools print them",
    "trace": "follow a packet through the rules",
}
DEFAULT = "build"
_OWN_OPTIONS = ("--help", "-h", "--version")


class Commands(click.Group):
    """The commands, each loaded from its own module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [] if ctx.resilient_parsing else list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"kcompile.cli.{name}").command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in COMMANDS and args[0] not in _OWN_OPTIONS:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands, options, and the paths of the default command."""
        options = [item for item in super().shell_complete(ctx, incomplete) if item.value not in COMMANDS]
        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *options, CompletionItem(incomplete, type="file")]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="kcompile %(version)s")
def cli() -> None:
    """Compile Kubernetes manifests into what a node ends up with: the rules that kube-proxy would load, the answers
    that CoreDNS would give, each Pod's resolv.conf. No cluster, no root.

    \b
    kcompile manifests/ > rules.txt            the rules of the only node, in the configured mode
    kcompile manifests/ --mode nftables        the same for another mode
    kcompile manifests/ -o out                 everything, for every node
    kcompile trace manifests/ --from pod:default/client --to service:default/web
    kcompile dig manifests/ web.default --from default/client
    kcompile corefile check --in-cluster Corefile

    Every command explains itself: kcompile build --help. For completion in your shell, bash here, put this line in
    ~/.bashrc (zsh and fish likewise):

    \b
    eval "$(_KCOMPILE_COMPLETE=bash_source kcompile)"
    """


def main() -> None:
    """The entry point of the console script."""
    # A stream that the caller has closed is None.
    if sys.stderr is None:
        sys.stderr = io.StringIO()
    try:
        if sys.stdout is None:
            raise KcompileError("standard output is closed")
        status = cli.main(prog_name="kcompile", standalone_mode=False)
        # The reader of standard output may have gone away (`| head`): find out here, not at exit.
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as usage:
        usage.show()
        status = 2
    except click.ClickException as usage:
        usage.show()
        status = usage.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except Errors as errors:
        from kcompile.cli.report import report

        report(errors.diagnostics)
        status = 1
    except KcompileError as failure:
        from kcompile.cli.report import fail

        fail(str(failure))
        status = 1
    except BrokenPipeError:
        sys.stderr.close()
        status = 1
    except OSError as failure:
        from kcompile.cli.report import fail

        fail(f"standard output: {failure.strerror}")
        # What is left in the buffer goes nowhere, or Python would fail again on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    # The collector need not look for cycles in what ends with the process anyway.
    gc.freeze()
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
