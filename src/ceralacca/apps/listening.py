"""What the two SMTP roles share: a listener over the store, opened, kept until the end, closed in good order."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.duty import Duty
from ceralacca.apps.settings import Settings
from ceralacca.apps.settings.sections import AccessSection, IncomingSection
from ceralacca.apps.wiring import CLOCK
from ceralacca.base.errors import UserError
from ceralacca.base.identifiers import system_entropy
from ceralacca.net.smtp_server import Door, Equipment, Limits, Listener, Reception, SpoolRoom, server_context
from ceralacca.net.smtp_server.rules import Rules
from ceralacca.ports.store import Store

_GRACE = 20.0
"""Seconds for messages that are arriving when the end comes."""


def limits_of(section: AccessSection | IncomingSection, *, recipients: int) -> Limits:
    """Return the limits of a listener. Raises UserError below what the norm asks."""
    return Limits(
        size=section.size,
        recipients=recipients,
        connections=section.connections,
        connections_per_peer=section.connections_per_peer,
        command_time=_seconds(section.command_time),
        chunk_time=_seconds(section.chunk_time),
        data_time=_seconds(section.data_time),
    )


def serve_listener(
    settings: Settings, duty: Duty, store: Store, rules: Rules, doors: Mapping[str, Door], limits: Limits
) -> None:
    """Listen until the duty ends. Raises UserError when a port cannot be had."""
    asyncio.run(_serve(settings, duty, store, rules, doors, limits))


async def _serve(
    settings: Settings, duty: Duty, store: Store, rules: Rules, doors: Mapping[str, Door], limits: Limits
) -> None:
    reception = Reception(store, CLOCK)
    equipment = Equipment(
        hostname=settings.provider.hostname,
        rules=rules,
        reception=reception,
        room=SpoolRoom(DataFolder(settings.data.folder).spool),
        clock=CLOCK,
        entropy=system_entropy,
        tls=server_context(settings.tls.certificate, settings.tls.key),
        limits=limits,
    )
    listener = Listener(tuple(doors.values()), equipment)
    try:
        ports = await listener.start()
    except OSError as error:
        raise _no_port(tuple(doors.values()), error) from error
    duty.ready(**dict(zip(doors, ports, strict=True)))
    await duty.ended()
    await listener.stop(grace=_GRACE)
    await reception.close()


def _no_port(doors: Sequence[Door], error: OSError) -> UserError:
    places = ", ".join(f"{door.host}:{door.port}" for door in doors)
    return UserError(
        f"cannot listen on {places}: {error.strerror}",
        remedy="stop what listens there, choose other ports, or run as a user who may (ports below 1024)",
    )


def _seconds(value: timedelta) -> float:
    return value.total_seconds()
