"""`pec log`: the legal log. Each subcommand is a module of its own; this one gathers them."""

import typer

from ceralacca.apps.cli.log_check import check_command
from ceralacca.apps.cli.log_extract import extract_command
from ceralacca.apps.cli.log_retention import retention_command
from ceralacca.apps.cli.log_seal import seal_command
from ceralacca.apps.cli.log_search import search_command
from ceralacca.apps.cli.log_status import status_command
from ceralacca.apps.cli.log_verify import verify_command

commands = typer.Typer(
    name="log",
    help="The legal log: search it, seal it, see how far its seals are, verify it, examine it, draw extracts.",
    no_args_is_help=True,
)
commands.command("search", no_args_is_help=True)(search_command)
commands.command("seal")(seal_command)
commands.command("status")(status_command)
commands.command("verify", no_args_is_help=True)(verify_command)
commands.command("check")(check_command)
commands.command("extract")(extract_command)
commands.command("retention")(retention_command)
