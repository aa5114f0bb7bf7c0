"""How a command is added to the command line, and the options that several commands have.

A command's signature and docstring are its help; its work is a function of a module that is loaded when the command is
run, so that help is quick.
"""

import functools
from collections.abc import Callable
from typing import Annotated, Any

import typer

from worker.cli.loading import load

FIRST, BOOKINGS, OPERATING = "A first look", "Bookings", "Operating"
ASKED = "the operator asked"

Signature = Callable[..., None]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
OfAccount = Annotated[
    str | None, typer.Option("--account", metavar="NAME", help="Only of this account.", show_default="all accounts")
]
OfService = Annotated[
    str | None,
    typer.Option("--service", metavar="HOST", help="Of the Cal.com at this host.", show_default="at CALCOM_BASE_URL"),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first: for scripts.")]


def command(
    app: typer.Typer,
    work: str,
    *examples: str,
    panel: str | None = None,
    more: str = "",
    name: str | None = None,
    **fixed: Any,
) -> Callable[[Signature], Signature]:
    """Add a command that calls `work` (MODULE:FUNCTION) with its options by name, and with `fixed`.

    `name` is the command's, where that is no name for a function.

    The exit code is 1 where the work returns False. `examples`, then `more`, end the command's help.
    """
    lines = ["For example:", *(f"[bold]{line}[/]" for line in examples), *([more] if more else [])]
    module, _, function = work.partition(":")

    def add(signature: Signature) -> Signature:
        @functools.wraps(signature)
        def run(**options: Any) -> None:
            if getattr(load(module), function)(**options, **fixed) is False:
                raise typer.Exit(1)

        app.command(name, rich_help_panel=panel, epilog="\n\n".join(lines))(run)
        return signature

    return add
