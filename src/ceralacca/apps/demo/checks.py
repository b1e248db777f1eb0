"""Whether what was emitted is right: our verifier, OpenSSL and the DTD each look, and each may say no.

OpenSSL knows nothing of us: it is given the message, the root and nothing else. The DTD is the norm's. Our own
verifier adds what neither can know: the directory, the form, whether the message contradicts itself.
The log of the issuing provider must know each message too.

Clauses: T-20, GE-1, GE-2, GE-5, XM-1, XM-5, LO-2.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from ceralacca.apps.authority.sandbox import ROOT
from ceralacca.apps.cli.judgement import Judgement, prepare
from ceralacca.apps.demo.nation import Nation
from ceralacca.apps.demo.watch import Sighting
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.certification_xml import dtd
from ceralacca.formats.mime.transfer import decode_transfer
from ceralacca.formats.received import read_received
from ceralacca.ports.store import Store
from ceralacca.services.verify_message import MessageReport, verify_message


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One message with what is wrong with it."""

    sighting: Sighting
    report: MessageReport
    faults: tuple[str, ...]

    @property
    def row(self) -> MessageRow | None:
        """What it is; None for what is no PEC message."""
        return self.report.row


class Checker:
    """Checks messages against one state of CRLs and directory; make another when they change."""

    def __init__(self, nation: Nation, stores: Mapping[str, Store] | None = None) -> None:
        """Read what messages are judged by. Raises UserError when there is no OpenSSL."""
        openssl = shutil.which("openssl")
        if openssl is None:
            raise UserError("the program openssl is not there", remedy="apt-get install openssl")
        self._openssl = openssl
        self._root = nation.pec_anchors / f"{ROOT}.pem"
        self._stores = stores or {}
        self._running = nation.running
        self.judgement: Judgement = prepare(
            trust=[nation.pec_anchors],
            crls=[nation.crls],
            directory=nation.directory_file,
            at="signing",
            present=SystemClock().now(),
        )

    def check(self, sighting: Sighting) -> Checked:
        """Look at one message in every way; of ordinary mail there is nothing to check."""
        report = verify_message(str(sighting.place), sighting.octets, self.judgement.verify)
        faults = tuple(self._faults(sighting.octets, report)) if report.row is not None else ()
        return Checked(sighting=sighting, report=report, faults=faults)

    def faults_of(self, octets: bytes) -> tuple[str, ...]:
        """Return what is wrong with a message, as if it had come to nobody's mailbox."""
        return tuple(self._faults(octets, verify_message("message", octets, self.judgement.verify)))

    def _faults(self, octets: bytes, report: MessageReport) -> Iterator[str]:
        if not report.valid:
            verdict = report.seal.verdict if report.seal else "no seal"
            wrong = [step.step for step in report.form if step.mark.value == "failed"]
            yield f"pec verify: {verdict} {', '.join(wrong)}".strip()
        refusal = self.openssl_refuses(octets)
        if refusal:
            yield f"openssl: {refusal}"
        if report.row is not MessageRow.ANOMALY_ENVELOPE:
            yield from certification_faults(octets)
            yield from self._not_in_log(octets, report)

    def openssl_refuses(self, octets: bytes) -> str:
        """Return why `openssl cms -verify` refuses a message; empty when it does not."""
        with tempfile.TemporaryDirectory(prefix="pec-demo-") as folder:
            message = Path(folder) / "message.eml"
            message.write_bytes(octets)
            done = subprocess.run(  # noqa: S603 the program is the machine's, the rest ours
                [self._openssl, "cms", "-verify", "-in", message, "-CAfile", self._root, "-out", Path(folder) / "out"],
                capture_output=True,
                check=False,
            )
        if done.returncode == 0:
            return ""
        return (done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"status {done.returncode}"])[-1]

    def _not_in_log(self, octets: bytes, report: MessageReport) -> Iterator[str]:
        """Say whether the log of the provider that issued a message does not know it (LO-2)."""
        facts = report.certification
        if facts is None:
            return
        issuer = next((one for one in self._running if one.name == facts.issuer), None)
        if issuer is None or issuer.key not in self._stores:
            return
        message_id = read_received(octets).head.first("Message-ID")
        known = {row.message_id for row in self._stores[issuer.key].log_of(facts.original.identifier)}
        if message_id is None or message_id.body.strip().decode("ascii", "replace") not in known:
            yield "the log of the issuer does not know it"


def certification_faults(octets: bytes) -> Iterator[str]:
    """Say whether the certification data are missing, or not valid under the norm's DTD."""
    received = read_received(octets)
    entity = received.certification_part.entity
    if entity is None:
        yield "no certification data"
        return
    try:
        document = etree.fromstring(decode_transfer(entity.body(received.data), entity.encoding))
    except etree.XMLSyntaxError as error:
        yield f"daticert.xml: {error}"
        return
    rule = dtd()
    if not rule.validate(document):
        yield f"daticert.xml: {rule.error_log}"
