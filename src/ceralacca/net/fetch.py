"""Fetches one file from one configured address, and nothing else: no redirections, no environment, no surprise.

The address comes from the settings and never from a message, a certificate or a reply: who could
choose it could make us call whomever they like. The file has a largest size, the whole act a
longest time, and the octets are taken as they are sent, without decompression.
"""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from ceralacca.base.errors import UserError, WorldError

_GOOD: Final = {200, 201, 204}


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """What one download may cost."""

    octets: int
    silent_seconds: float = 20.0
    total_seconds: float = 300.0


def client_context(roots: Path, *, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """Return a context that trusts these roots only and shows our certificate (DI-4).

    Raises UserError when a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(roots)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        what = f"{roots}, {certificate} or {key} cannot be used for TLS: {error.strerror or error}"
        raise UserError(what, remedy="give PEM files: roots, our certificate and its key") from None
    return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What is handed over with the request."""

    octets: bytes
    media_type: str
    authorization: tuple[str, str] | None = None
    """Name and password, for servers that want them (HTTP Basic)."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further fields."""


def fetch(
    url: str, limits: FetchLimits, *, tls: ssl.SSLContext | None, post: Posted | None = None, address: str = ""
) -> bytes:
    """Return the octets of a file, or of the answer to what is posted.

    With an `address` the connection goes there and nowhere else, whatever the name resolves to by now; the certificate
    is still that of the name. `tls` None is for plain http only (CRLs and time stamps, which are signed). Raises
    WorldError when it cannot be had, whole, within the limits.
    """
    given = {**post.headers, "Content-Type": post.media_type} if post else {}
    named = httpx.URL(url)
    place = named.copy_with(host=address) if address else named
    told = {"sni_hostname": named.host} if address else {}
    try:
        with (
            httpx.Client(
                verify=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # without roots no https succeeds
                trust_env=False,
                follow_redirects=False,
                timeout=limits.silent_seconds,
                headers={"Accept-Encoding": "identity", "User-Agent": "ceralacca"},
            ) as client,
            client.stream(
                "POST" if post else "GET",
                place,
                content=post.octets if post else None,
                headers={**given, "Host": named.netloc.decode("ascii")} if address else given,
                extensions=told,
                auth=post.authorization if post else None,
            ) as answer,
        ):
            return _body(answer, limits)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise WorldError(
            f"the file cannot be fetched: {type(error).__name__}", remedy="look whether the address answers; then retry"
        ) from None


def check_scheme(url: str, *schemes: str) -> None:
    """Raise UserError unless the address begins as one of these do and names a host."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in schemes or not parsed.host or parsed.userinfo:
        raise UserError(f"not an address to fetch from: {url}", remedy=f"give one of {', '.join(schemes)}")


def _body(answer: httpx.Response, limits: FetchLimits) -> bytes:
    if answer.status_code not in _GOOD:
        raise WorldError(f"the file cannot be fetched: status {answer.status_code}", remedy="ask who publishes it")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise WorldError("the file came compressed, unasked", remedy="ask who publishes it")
    until = time.monotonic() + limits.total_seconds
    octets = bytearray()
    for chunk in answer.iter_raw():
        octets += chunk
        if len(octets) > limits.octets:
            raise WorldError(f"the file has more than {limits.octets} octets", remedy="ask who publishes it")
        if time.monotonic() > until:
            raise WorldError("the file comes too slowly", remedy="retry later")
    return bytes(octets)
