"""The server's side of a protected channel: TLS 1.2 at least (SE-1, DP-7)."""

import ssl
from pathlib import Path

from ceralacca.base.errors import UserError


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the context of a server; `certificate` holds the chain in PEM, its own first.

    Raises UserError when the files cannot be read or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # SE-1
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise UserError(
            "the TLS certificate or its key cannot be used",
            remedy="give a PEM chain, own certificate first, and its unencrypted key readable by this user only",
        ) from error
    return context
