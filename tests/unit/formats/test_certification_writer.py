"""Writing certification data: the examples to the octet, the tables, the escapes."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from ceralacca.base.errors import OurError
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData, Recipient
from ceralacca.core.model.notification import ErrorKind, NotificationKind, ReceiptKind, RecipientKind
from ceralacca.formats.certification_writer import write_certification
from ceralacca.formats.certification_xml import read_certification

EXAMPLES = sorted((Path(__file__).parents[2] / "interop" / "certification").glob("*.xml"))
ANNA = Address("anna.bianchi@pec.beta.example")
ORIGINAL = OriginalData(
    sender=Address("mario.rossi@pec.alfa.example"),
    recipients=(
        Recipient(address=ANNA, kind=RecipientKind.CERTIFIED),
        Recipient(address=Address("info@ditta.example"), kind=RecipientKind.EXTERNAL),
    ),
    reply_to="mario.rossi@pec.alfa.example",
    subject="Prova & <controprova> \"è\" 'é' ]]>",
    identifier="pec1a2b@gestore-alfa.example",
    client_message_id="<4711@client.alfa.example>",
)
DELIVERY = CertificationData(
    kind=NotificationKind.DELIVERY,
    error=ErrorKind.NONE,
    original=ORIGINAL,
    issuer="Gestore Beta S.r.l.",
    instant=datetime(2026, 11, 5, 9, 15, 5, tzinfo=UTC),
    requested_receipt=ReceiptKind.COMPLETE,
    delivery_recipient=ANNA,
)
ACCEPTANCE = replace(DELIVERY, kind=NotificationKind.ACCEPTANCE, requested_receipt=None, delivery_recipient=None)


def subject_written(subject: str | None) -> str:
    text = write_certification(replace(ACCEPTANCE, original=replace(ORIGINAL, subject=subject))).decode()
    return text[text.index("</risposte>") + len("</risposte>") : text.index("</intestazione>")].strip()


@pytest.mark.requirement("XM-1", "XM-2", "ER-1", "TI-5")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_written_to_the_octet(path):
    octets = path.read_bytes()
    assert write_certification(read_certification(octets).data) == octets


@pytest.mark.requirement("XM-1", "XM-2", "ER-1", "AC-1", "AM-4")
def test_one_in_full():
    assert (
        write_certification(DELIVERY).decode()
        == """\
<?xml version="1.0" encoding="UTF-8"?>
<postacert tipo="avvenuta-consegna" errore="nessuno">
  <intestazione>
    <mittente>mario.rossi@pec.alfa.example</mittente>
    <destinatari tipo="certificato">anna.bianchi@pec.beta.example</destinatari>
    <destinatari tipo="esterno">info@ditta.example</destinatari>
    <risposte>mario.rossi@pec.alfa.example</risposte>
    <oggetto>Prova &amp; &lt;controprova&gt; "è" 'é' ]]&gt;</oggetto>
  </intestazione>
  <dati>
    <gestore-emittente>Gestore Beta S.r.l.</gestore-emittente>
    <data zona="+0100">
      <giorno>05/11/2026</giorno>
      <ora>10:15:05</ora>
    </data>
    <identificativo>pec1a2b@gestore-alfa.example</identificativo>
    <msgid>&lt;4711@client.alfa.example&gt;</msgid>
    <ricevuta tipo="completa"/>
    <consegna>anna.bianchi@pec.beta.example</consegna>
  </dati>
</postacert>
"""
    )


@pytest.mark.requirement("XM-2")
def test_neither_mark_nor_doctype_nor_instruction_nor_namespace():
    octets = write_certification(DELIVERY)
    assert octets.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<postacert ')
    assert octets.count(b"<?") == 1
    assert b"<!" not in octets
    assert b"xmlns" not in octets
    assert b"\r" not in octets


@pytest.mark.requirement("XM-3", "SE-8")
@pytest.mark.parametrize(
    ("subject", "written"),
    [
        (None, ""),
        ("", "<oggetto></oggetto>"),
        ("a\x00b\x1bc\ufffed", "<oggetto>a\ufffdb\ufffdc\ufffdd</oggetto>"),
        ("\ud800", "<oggetto>\ufffd</oggetto>"),
        ("a\r\n  b\tc", "<oggetto>a b c</oggetto>"),
        ("  margini  ", "<oggetto>margini</oggetto>"),
        ("😀", "<oggetto>😀</oggetto>"),
        ("&amp;", "<oggetto>&amp;amp;</oggetto>"),
        ("a\x85b\u2028c\x9bd", "<oggetto>a b c\ufffdd</oggetto>"),
    ],
)
def test_subjects(subject, written):
    assert subject_written(subject) == written


@pytest.mark.requirement("XM-3")
def test_other_texts_are_neutralised_and_escaped_too():
    data = replace(
        DELIVERY,
        kind=NotificationKind.NON_DELIVERY,
        error=ErrorKind.OTHER,
        requested_receipt=None,
        error_detail="anomalie:\r\n\r\n  - <uno>\x00\n  - due & tre \n",
        issuer="A\nB",
        original=replace(ORIGINAL, reply_to="a@b.example,\n c@d.example", client_message_id="<x\x01>"),
    )
    text = write_certification(data).decode()
    assert "<errore-esteso>anomalie:\n  - &lt;uno&gt;\ufffd\n  - due &amp; tre</errore-esteso>" in text
    assert "<gestore-emittente>A B</gestore-emittente>" in text
    assert "<risposte>a@b.example, c@d.example</risposte>" in text
    assert "<msgid>&lt;x\ufffd&gt;</msgid>" in text


@pytest.mark.requirement("AP-22")
def test_no_client_identifier_no_msgid():
    assert b"msgid" not in write_certification(replace(DELIVERY, original=replace(ORIGINAL, client_message_id=None)))


@pytest.mark.requirement("TI-3", "TI-5", "AM-18")
@pytest.mark.parametrize(
    ("instant", "zone", "time"),
    [
        (datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), "+0100", "01:59:59"),
        (datetime(2026, 3, 29, 1, 0, 0, tzinfo=UTC), "+0200", "03:00:00"),
        (datetime(2026, 10, 25, 0, 30, 0, tzinfo=UTC), "+0200", "02:30:00"),
        (datetime(2026, 10, 25, 1, 30, 0, 999_999, tzinfo=UTC), "+0100", "02:30:00"),
    ],
)
def test_daylight_saving_changes(instant, zone, time):
    text = write_certification(replace(DELIVERY, instant=instant)).decode()
    assert f'<data zona="{zone}">' in text
    assert f"<ora>{time}</ora>" in text
    assert read_certification(text.encode()).data.instant == instant.replace(microsecond=0)


NON_DELIVERY = replace(
    DELIVERY, kind=NotificationKind.NON_DELIVERY, error=ErrorKind.VIRUS, error_detail="x", requested_receipt=None
)


@pytest.mark.requirement("ER-1", "XM-1")
@pytest.mark.parametrize(
    ("data", "name"),
    [
        (replace(DELIVERY, error=ErrorKind.OTHER, error_detail="x"), "errore"),
        (replace(NON_DELIVERY, error=ErrorKind.NONE, error_detail=None), "errore"),
        (replace(NON_DELIVERY, kind=NotificationKind.DELIVERY_TIMEOUT), "errore"),
        (replace(NON_DELIVERY, kind=NotificationKind.VIRUS_DETECTION, error=ErrorKind.OTHER), "errore"),
        (replace(NON_DELIVERY, kind=NotificationKind.NON_ACCEPTANCE, error=ErrorKind.NO_RECIPIENT), "errore"),
        (replace(DELIVERY, error_detail="x"), "errore-esteso"),
        (replace(NON_DELIVERY, error_detail=None), "errore-esteso"),
        (replace(NON_DELIVERY, error_detail=" \n"), "errore-esteso"),
        (replace(DELIVERY, error_detail=""), "errore-esteso"),
        (replace(DELIVERY, requested_receipt=None), "ricevuta"),
        (replace(NON_DELIVERY, requested_receipt=ReceiptKind.BRIEF), "ricevuta"),
        (replace(DELIVERY, delivery_recipient=None), "consegna"),
        (replace(ACCEPTANCE, delivery_recipient=ANNA), "consegna"),
        (replace(ACCEPTANCE, taken_recipients=(ANNA,)), "ricezione"),
        (replace(ACCEPTANCE, kind=NotificationKind.TAKING_IN_CHARGE), "ricezione"),
        (replace(DELIVERY, original=replace(ORIGINAL, recipients=())), "destinatari"),
        (replace(DELIVERY, issuer=" "), "gestore-emittente"),
        (replace(DELIVERY, original=replace(ORIGINAL, identifier="")), "identificativo"),
        (replace(DELIVERY, original=replace(ORIGINAL, identifier="<a@b.example>")), "identificativo"),
        (replace(DELIVERY, original=replace(ORIGINAL, client_message_id="")), "msgid"),
        (replace(DELIVERY, instant=datetime(2026, 1, 1)), "data"),  # noqa: DTZ001 the breach itself
    ],
)
def test_a_breach_of_the_tables_is_refused_by_name(data, name):
    with pytest.raises(OurError, match=rf"of {name}\b|, {name}\b"):
        write_certification(data)


@pytest.mark.requirement("XM-4")
def test_more_than_one_mebibyte_is_refused():
    recipients = ORIGINAL.recipients * 8000
    with pytest.raises(OurError, match="1 MiB"):
        write_certification(replace(DELIVERY, original=replace(ORIGINAL, recipients=recipients)))


@pytest.mark.system
@pytest.mark.requirement("XM-1", "XM-2")
def test_an_independent_program_finds_every_kind_valid(tmp_path):
    for number, path in enumerate(EXAMPLES):
        data = read_certification(path.read_bytes()).data
        hostile = replace(data.original, subject="<&>\"'\x00\ud800\r\n]]>", reply_to="")
        written = write_certification(replace(data, original=hostile))
        (tmp_path / f"{number:02d}.xml").write_bytes(written)
    with as_file(files("ceralacca.formats") / "postacert.dtd") as dtd:
        command = ["xmllint", "--nonet", "--noout", "--dtdvalid", str(dtd), *sorted(map(str, tmp_path.iterdir()))]
        result = subprocess.run(command, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
