"""The commands for whoever tries PEC, or sends it; joined to `pec` by `apps.cli`."""

import typer

from ceralacca.apps.cli.demo import demo_command
from ceralacca.apps.cli.send import send_command


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("demo")(demo_command)
    app.command("send", no_args_is_help=True)(send_command)
