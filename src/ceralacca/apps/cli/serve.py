"""`pec serve`: be a provider, or one of its roles."""

from pathlib import Path
from typing import Annotated

import typer

from ceralacca.apps.cli.provider_options import DEFAULT_CONFIG, Config, Lang, load_settings, words_of
from ceralacca.apps.cli.words import Words
from ceralacca.apps.loading import loading
from ceralacca.base.errors import UserError

_AUTHORITY = "authority"


def serve_command(
    role: Annotated[
        str | None,
        typer.Argument(
            metavar="[ROLE]",
            help="One role alone: access, incoming, worker, relay, timekeeper, mailboxes, virus, prepare or directory; "
            "authority for the sandbox's. Without it: all of the provider.",
        ),
    ] = None,
    *,
    config: Config = DEFAULT_CONFIG,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For authority: the folder of the sandbox, made if need be.")
    ] = None,
    http_port: Annotated[int, typer.Option(help="For authority: CRLs and time stamps; 0 for any free port.")] = 0,
    https_port: Annotated[int, typer.Option(help="For authority: the directory; 0 for any free port.")] = 0,
    lang: Lang = None,
) -> None:
    """Run a provider: every role a process of its own, kept up by a supervisor.

    Starts in order (scanner and tables; submission; directory; worker, relay, mailboxes; port 25; pages), says when
    it is ready, and starts again what ends. On SIGTERM or Ctrl-C it closes the doors, finishes what is in hand, and
    stops.

    Diagnostics are JSON lines on standard error, without addresses. Exit status: 0 stopped as asked, 2 refused.
    """
    words = words_of(lang)
    if role == _AUTHORITY:
        _serve_authority(data, http_port, https_port)
        return
    with loading():
        from ceralacca.apps.serve import serve, serve_alone  # noqa: PLC0415

    settings = load_settings(config, words)
    if role is None:
        raise typer.Exit(serve(settings, config, on_ready=lambda: _tell(settings.data.folder, words)))
    serve_alone(role, settings)


def _serve_authority(data: Path | None, http_port: int, https_port: int) -> None:
    from ceralacca.apps import diagnostics  # noqa: PLC0415
    from ceralacca.apps.authority.service import AuthorityConfig, serve_authority  # noqa: PLC0415
    from ceralacca.apps.duty import Duty  # noqa: PLC0415
    from ceralacca.apps.settings.sections import LogSection  # noqa: PLC0415

    if data is None:
        raise UserError("the authority needs a folder", remedy="pec serve authority --data DIR")
    diagnostics.configure(LogSection(), role=_AUTHORITY)
    with Duty().watched() as duty:
        serve_authority(AuthorityConfig(folder=data, http_port=http_port, https_port=https_port), duty.ending)


def _tell(folder: Path, words: Words) -> None:
    """Say that the provider is ready, and on which ports."""
    from ceralacca.apps.data_folder import DataFolder  # noqa: PLC0415
    from ceralacca.apps.status import ports_of, read_status  # noqa: PLC0415

    ports = ports_of(read_status(DataFolder(folder)))
    listed = ", ".join(f"{name} {port}" for name, port in ports.items())
    print(words("serve", "ready", ports=listed), flush=True)
