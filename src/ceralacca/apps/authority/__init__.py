"""The sandbox's authority: CA, CRLs, directory manager and time stamps, all of it TEST and on loopback.

Real providers have these from the supervising authority and from trust service providers. Here
they are one small process with keys of its own making, so that a whole PEC nation runs on one
machine. Nothing that it certifies is worth anything outside.
"""

from ceralacca.apps.authority.sandbox import Sandbox
from ceralacca.apps.authority.service import AuthorityConfig, RunningAuthority, serve_authority

__all__ = ["AuthorityConfig", "RunningAuthority", "Sandbox", "serve_authority"]
