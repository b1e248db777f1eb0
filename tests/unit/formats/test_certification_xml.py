"""Reading certification data: every example, every tolerance, every refusal."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ErrorKind, NotificationKind, ReceiptKind, RecipientKind
from ceralacca.formats.certification_xml import MalformedCertification, dtd, read_certification

EXAMPLES = sorted((Path(__file__).parents[2] / "interop" / "certification").glob("*.xml"))
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
DELIVERY = """\
<postacert tipo="avvenuta-consegna" errore="nessuno">
  <intestazione>
    <mittente>mario.rossi@pec.alfa.example</mittente>
    <destinatari tipo="certificato">anna.bianchi@pec.beta.example</destinatari>
    <risposte>mario.rossi@pec.alfa.example</risposte>
    <oggetto>Prova</oggetto>
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


def delivery(old: str = "", new: str = "", *, prolog: str = DECLARATION) -> bytes:
    assert old in DELIVERY
    return (prolog + DELIVERY.replace(old, new, 1)).encode()


def reason_of(data: bytes) -> str:
    with pytest.raises(MalformedCertification) as caught:
        read_certification(data)
    assert caught.value.remedy
    assert "example" not in str(caught.value)  # nothing of the content is said
    return caught.value.reason


@pytest.mark.requirement("XM-4", "XM-5", "GE-11")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_read_without_a_deviation(path):
    read = read_certification(path.read_bytes())
    assert read.deviations == ()
    assert read.data.original.sender == Address("mario.rossi@pec.alfa.example")


def test_there_are_seventeen_examples():
    assert len(EXAMPLES) == 17


@pytest.mark.requirement("XM-4", "TI-5")
def test_every_element_arrives():
    data = read_certification(delivery()).data
    assert (data.kind, data.error) == (NotificationKind.DELIVERY, ErrorKind.NONE)
    assert [(r.address.text, r.kind) for r in data.original.recipients] == [
        ("anna.bianchi@pec.beta.example", RecipientKind.CERTIFIED)
    ]
    assert data.original.reply_to == "mario.rossi@pec.alfa.example"
    assert data.original.subject == "Prova"
    assert data.original.identifier == "pec1a2b@gestore-alfa.example"
    assert data.original.client_message_id == "<4711@client.alfa.example>"
    assert data.issuer == "Gestore Beta S.r.l."
    assert data.instant == datetime(2026, 11, 5, 9, 15, 5, tzinfo=UTC)
    assert data.requested_receipt is ReceiptKind.COMPLETE
    assert data.delivery_recipient == Address("anna.bianchi@pec.beta.example")
    assert data.taken_recipients == ()
    assert data.error_detail is None


def test_a_view_of_a_message_will_do():
    assert read_certification(memoryview(delivery())) == read_certification(delivery())


# What is borne


@pytest.mark.requirement("XM-5")
def test_default_attribute_values_apply():
    text = DELIVERY.replace(' errore="nessuno"', "").replace(' tipo="certificato"', "")
    read = read_certification((DECLARATION + text).encode())
    assert read.data.error is ErrorKind.NONE
    assert read.data.original.recipients[0].kind is RecipientKind.CERTIFIED
    assert read.deviations == ("default-error", "default-recipient-kind")


@pytest.mark.requirement("XM-6")
def test_white_space_around_values_is_trimmed():
    read = read_certification(
        delivery(">anna.bianchi@pec.beta.example</consegna", ">\n  anna.bianchi@pec.beta.example\t</consegna")
    )
    assert read.data.delivery_recipient is not None
    assert read.data.delivery_recipient.text == "anna.bianchi@pec.beta.example"
    assert read.deviations == ("white-space",)


@pytest.mark.requirement("XM-6")
def test_a_value_broken_over_lines_comes_on_one():
    read = read_certification(delivery(">Prova<", ">Prova\r\n    lunga<"))
    assert read.data.original.subject == "Prova lunga"
    assert read.deviations == ("white-space",)


@pytest.mark.requirement("XM-6")
def test_addresses_are_compared_without_regard_to_case_and_keep_their_spelling():
    read = read_certification(delivery("<consegna>anna", "<consegna>Anna"))
    assert read.data.delivery_recipient == read.data.original.recipients[0].address
    assert str(read.data.delivery_recipient) == "Anna.bianchi@pec.beta.example"


@pytest.mark.requirement("XM-6")
def test_brackets_of_the_identifier_are_stripped():
    read = read_certification(delivery(">pec1a2b@gestore-alfa.example<", ">&lt;pec1a2b@gestore-alfa.example&gt;<"))
    assert read.data.original.identifier == "pec1a2b@gestore-alfa.example"
    assert read.deviations == ("identifier-in-brackets",)


@pytest.mark.requirement("TO-7")
@pytest.mark.parametrize(
    "identifier",
    [
        "opec288.20181113163926.01838.310.1.63@pec.gestore.example",
        "E82D9D8F.000073B6.E8F90950.8520A581.posta-certificata@gestore.example",
        "201301071741240100.0787.pech@gestore.example",
        "20080327125149.115789@comune.example",
    ],
)
def test_identifiers_of_other_platforms_are_taken_as_they_are(identifier):
    read = read_certification(delivery("pec1a2b@gestore-alfa.example", identifier))
    assert read.data.original.identifier == identifier
    assert read.deviations == ()


@pytest.mark.requirement("TO-8")
@pytest.mark.parametrize(
    ("element", "value", "deviations"),
    [
        ("", None, ()),
        ("<msgid/>", None, ("msgid-empty",)),
        ("<msgid>4711@x.example</msgid>", "4711@x.example", ("msgid-without-brackets",)),
        ("<msgid>&#60;a&amp;b@x.example&#x3E;</msgid>", "<a&b@x.example>", ()),
    ],
)
def test_the_client_identifier_may_be_missing_or_odd(element, value, deviations):
    read = read_certification(delivery("<msgid>&lt;4711@client.alfa.example&gt;</msgid>", element))
    assert read.data.original.client_message_id == value
    assert read.deviations == deviations


STYLESHEET = '<?xml-stylesheet type="text/xsl" href="https://gestore.example/daticert.xsl"?>\n'
PUBLIC = '<!DOCTYPE postacert PUBLIC "posta certificata" "https://gestore.example/postacert.dtd">\n'


@pytest.mark.requirement("TO-9", "XM-4")
@pytest.mark.parametrize(
    ("prolog", "deviations"),
    [
        (DECLARATION + STYLESHEET, ("stylesheet",)),
        (DECLARATION + PUBLIC, ("doctype",)),
        (DECLARATION + STYLESHEET + PUBLIC, ("doctype", "stylesheet")),
        (DECLARATION + "<!DOCTYPE postacert>", ("doctype",)),
        (DECLARATION + '<!DOCTYPE postacert SYSTEM "http://127.0.0.1:1/x.dtd" [\n]>', ("doctype",)),
        (DECLARATION + '<!DOCTYPE postacert [<!ELEMENT postacert ANY><!-- "]> --><?p ]>?>] >', ("doctype",)),
        (DECLARATION + '<!DOCTYPE postacert [<!ATTLIST postacert errore CDATA "virus">]>', ("doctype",)),
        (DECLARATION + "<!-- generato -->", ("comment",)),
        (DECLARATION + "<?altro x?>", ("instruction",)),
        ("", ("no-declaration",)),
        ("\ufeff" + DECLARATION, ("byte-order-mark",)),
        ("<?xml version='1.0' encoding='utf-8' standalone='yes'?>", ()),
        ('<?xml version="1.0"?>', ()),
    ],
)
def test_what_stands_before_the_document_is_borne_and_never_used(prolog, deviations):
    read = read_certification(delivery(prolog=prolog))
    assert read.deviations == deviations
    assert read.data == read_certification(delivery()).data


@pytest.mark.requirement("TO-9")
def test_crlf_line_ends_are_no_deviation():
    data = delivery().replace(b"\n", b"\r\n")
    assert read_certification(data).data == read_certification(delivery()).data
    assert read_certification(data).deviations == ()


@pytest.mark.requirement("XM-5")
def test_a_default_of_the_documents_own_dtd_does_not_count():
    text = DELIVERY.replace(' errore="nessuno"', "")
    prolog = DECLARATION + '<!DOCTYPE postacert [<!ATTLIST postacert errore CDATA "virus">]>'
    assert read_certification((prolog + text).encode()).data.error is ErrorKind.NONE


@pytest.mark.requirement("TO-10")
def test_the_issuer_is_free_text_and_compared_with_nothing():
    read = read_certification(delivery("Gestore Beta S.r.l.", "GESTORE BETA s r l"))
    assert read.data.issuer == "GESTORE BETA s r l"
    assert read.deviations == ()


def test_a_cdata_section_that_is_the_whole_value_is_borne():
    read = read_certification(delivery(">Prova<", "> <![CDATA[a < b & c ]] > d]]>\n<"))
    assert read.data.original.subject == "a < b & c ]] > d"
    assert read.deviations == ("cdata",)


@pytest.mark.requirement("SE-8")
def test_control_characters_are_neutralised():
    read = read_certification(delivery(">Prova<", ">Pr\x9b31mova\x7f<"))
    assert read.data.original.subject == "Pr\ufffd31mova\ufffd"
    assert read.deviations == ("control-character",)


def notice(kind: str, rest: str, *, error: str | None = None) -> bytes:
    head, _, _ = DELIVERY.partition("    <ricevuta")
    errore = "" if error is None else f' errore="{error}"'
    head = head.replace('tipo="avvenuta-consegna" errore="nessuno"', f'tipo="{kind}"{errore}')
    return (DECLARATION + head + rest + "</dati></postacert>").encode()


@pytest.mark.requirement("TO-13")
@pytest.mark.parametrize("error", ["virus", "altro"])
def test_a_virus_notice_may_name_the_recipient_in_ricezione(error):
    rest = "<ricezione>anna@pec.beta.example</ricezione><errore-esteso>Eicar</errore-esteso>"
    read = read_certification(notice("rilevazione-virus", rest, error=error))
    assert read.data.delivery_recipient == Address("anna@pec.beta.example")
    assert read.data.taken_recipients == ()
    assert "recipient-in-ricezione" in read.deviations
    assert ("error-unusual" in read.deviations) == (error == "altro")


@pytest.mark.requirement("TO-14")
def test_a_non_delivery_notice_may_carry_the_kind_of_receipt():
    rest = '<ricevuta tipo="breve"/><consegna>a@b.example</consegna><errore-esteso>5.1.1 - x</errore-esteso>'
    read = read_certification(notice("errore-consegna", rest, error="no-dest"))
    assert read.data.requested_receipt is ReceiptKind.BRIEF
    assert read.deviations == ("ricevuta-unexpected",)


@pytest.mark.requirement("TO-14", "AM-3")
def test_a_timeout_notice_may_lack_error_and_detail():
    read = read_certification(notice("preavviso-errore-consegna", "<consegna>a@b.example</consegna>"))
    assert (read.data.error, read.data.error_detail) == (ErrorKind.NONE, None)
    assert read.deviations == ("default-error", "error-unusual")


@pytest.mark.requirement("ER-1")
@pytest.mark.parametrize(
    ("kind", "error", "rest", "deviations"),
    [
        ("accettazione", "nessuno", "<errore-esteso>x</errore-esteso>", ("error-detail-unexpected",)),
        ("non-accettazione", "altro", "", ("error-detail-missing",)),
        ("non-accettazione", "altro", "<errore-esteso> </errore-esteso>", ("error-detail-missing",)),
        ("accettazione", "virus", "<errore-esteso>x</errore-esteso>", ("error-unusual",)),
        ("presa-in-carico", "nessuno", "", ("ricezione-missing",)),
        ("avvenuta-consegna", "nessuno", '<ricevuta tipo="breve"/>', ("consegna-missing",)),
        (
            "posta-certificata",
            "nessuno",
            "<consegna>a@b.example</consegna>",
            ("consegna-unexpected", "ricevuta-missing"),
        ),
    ],
)
def test_breaches_of_the_tables_are_named(kind, error, rest, deviations):
    assert read_certification(notice(kind, rest, error=error)).deviations == deviations


def test_a_detail_of_several_lines_keeps_them():
    rest = "<errore-esteso>\n anomalie:\r\n  - uno \n\n  - due\n</errore-esteso>"
    assert read_certification(notice("non-accettazione", rest, error="altro")).data.error_detail == (
        "anomalie:\n  - uno\n  - due"
    )


# What is refused


@pytest.mark.requirement("XM-4")
def test_more_than_one_mebibyte_is_refused_unread():
    filler = "x" * (1024 * 1024 - len(delivery(">Prova<", "><")))
    assert read_certification(delivery(">Prova<", f">{filler}<")).data.original.subject == filler
    assert reason_of(delivery(">Prova<", f">{filler}x<")) == "too-large"


@pytest.mark.requirement("XM-4")
@pytest.mark.parametrize(
    "data",
    [
        delivery(">Prova<", ">&copy;<"),
        delivery(">Prova<", ">&a;<", prolog='<!DOCTYPE postacert [<!ENTITY a "b">]>'),
        delivery(">Prova<", ">&x;<", prolog='<!DOCTYPE postacert [<!ENTITY x SYSTEM "file:///etc/hostname">]>'),
        delivery(">Prova<", ">&x;<", prolog='<!DOCTYPE postacert SYSTEM "http://127.0.0.1:1/x.dtd">'),
        delivery(
            ">Prova<",
            ">&d;<",
            prolog='<!DOCTYPE p [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY d "&b;&b;&b;">]>',
        ),
        delivery(">Prova<", ">a & b<"),
        delivery(">Prova<", ">&#xZ;<"),
    ],
    ids=["undeclared", "internal", "external", "in the external DTD", "laughs", "bare ampersand", "no number"],
)
def test_no_entity_but_the_five_predefined(data):
    assert reason_of(data) == "entity"


@pytest.mark.requirement("XM-4")
def test_the_five_predefined_and_character_references_are_read():
    subject = read_certification(delivery(">Prova<", ">&lt;&amp;&gt;&quot;&apos; &#232;&#xE8;<")).data.original.subject
    assert subject == "<&>\"' èè"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"plain text",
        delivery("</postacert>", ""),
        delivery("</postacert>", "</postacert><postacert/>"),
        delivery("</mittente>", "</risposte>"),
        delivery(">Prova<", ">\x01<"),
        delivery(">Prova<", ">\uffff<"),
        delivery(">Prova<", ">&#0;<"),
        delivery(">Prova<", ">]]><"),
        delivery("<intestazione>", "<!-- a -- b --><intestazione>"),
        delivery("<intestazione>", '<?xml version="1.0"?><intestazione>'),
        delivery("<intestazione>", "<!DOCTYPE postacert><intestazione>"),
        delivery("<intestazione>", "<intestazione"),
        delivery(prolog='<!DOCTYPE postacert ["'),
        delivery(prolog="<!DOCTYPE postacert [<!-- >"),
        delivery(prolog='<?xml version="2.0"?>'),
        delivery(prolog='<?xml encoding="UTF-8"?>'),
        delivery(prolog=" " + DECLARATION),
        delivery(' errore="nessuno"', ' errore="nessuno" errore="virus"'),
    ],
)
def test_what_is_not_well_formed_is_refused(data):
    assert reason_of(data) == "not-xml"


@pytest.mark.requirement("GE-11", "XM-4")
@pytest.mark.parametrize(
    "data",
    [
        (DECLARATION + DELIVERY).encode("utf-16"),
        DELIVERY.encode("utf-16-le"),
        delivery(">Prova<", ">Città<").decode().encode("iso-8859-1"),
        delivery(prolog='<?xml version="1.0" encoding="UTF-16"?>'),
        delivery(prolog='<?xml version="1.0" encoding="UTF-7"?>'),
        delivery(prolog='<?xml version="1.0" encoding="ISO-8859-1"?>'),
        b"\xff\xfe",
    ],
)
def test_what_is_not_utf_8_is_refused(data):
    assert reason_of(data) in {"not-utf-8", "not-xml"}


def test_another_declared_encoding_is_refused_by_its_name():
    assert reason_of(delivery(prolog='<?xml version="1.0" encoding="ISO-8859-1"?>')) == "not-utf-8"
    assert reason_of((DECLARATION + DELIVERY).encode("utf-16")) == "not-utf-8"


@pytest.mark.requirement("XM-4")
@pytest.mark.parametrize(
    "value",
    [
        "mario@pec.alfa.example<!-- -->.evil.example",
        "mario@pec.alfa.example<?x?>.evil.example",
        "mario@pec.alfa.example<![CDATA[.evil.example]]>",
        "<![CDATA[mario@pec.alfa.example]]>.evil.example",
        "<![CDATA[mario@pec]]><![CDATA[.alfa.example]]>",
        "<!-- x -->mario@pec.alfa.example",
    ],
)
def test_a_value_that_readers_could_take_in_two_ways_is_refused(value):
    assert reason_of(delivery("<mittente>mario.rossi@pec.alfa.example<", f"<mittente>{value}<")) == "split-text"


@pytest.mark.requirement("XM-5")
@pytest.mark.parametrize(
    "data",
    [
        delivery('tipo="avvenuta-consegna"', 'tipo="consegna"'),
        delivery('tipo="avvenuta-consegna" ', ""),
        delivery(' errore="nessuno"', ' errore="boh"'),
        delivery("<oggetto>Prova</oggetto>", "<oggetto>a</oggetto><oggetto>b</oggetto>"),
        delivery("<oggetto>Prova</oggetto>", "<oggetto><oggetto>b</oggetto></oggetto>"),
        delivery("<oggetto>Prova</oggetto>", "<oggetto>Prova</oggetto>x"),
        delivery("<oggetto>Prova</oggetto>", "<altro>Prova</altro>"),
        delivery("<oggetto>Prova</oggetto>", '<oggetto a="b">Prova</oggetto>'),
        delivery("<oggetto>Prova</oggetto>", '<oggetto zona="b">Prova</oggetto>'),
        delivery("<postacert ", '<postacert xmlns="urn:x" '),
        delivery("<postacert ", '<postacert xml:base="http://127.0.0.1:1/" '),
        delivery("    <mittente>mario.rossi@pec.alfa.example</mittente>\n", ""),
        delivery('<ricevuta tipo="completa"/>', '<ricevuta tipo="completa">x</ricevuta>'),
        delivery('<ricevuta tipo="completa"/>', "<ricevuta/>"),
        delivery(' zona="+0100"', ""),
        b"<oggetto>x</oggetto>",
        b"<dati/>",
    ],
)
def test_what_does_not_follow_the_dtd_is_refused(data):
    assert reason_of(data) == "not-valid"


@pytest.mark.requirement("TI-5")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("05/11/2026", "5/11/2026"),
        ("05/11/2026", "31/11/2026"),
        ("05/11/2026", "2026-11-05"),
        ("05/11/2026", "٠٥/11/2026"),
        ("10:15:05", "25:15:05"),
        ("10:15:05", "10:15"),
        ("10:15:05", ""),
        ("+0100", "+01:00"),
        ("+0100", "0100"),
        ("+0100", "+2400"),
        ("+0100", "CET"),
        ("+0100", "+1 0"),
    ],
)
def test_an_instant_without_the_form_is_refused(old, new):
    assert reason_of(delivery(old, new)) == "bad-instant"


def test_an_instant_outside_the_calendar_is_refused():
    assert reason_of(delivery("05/11/2026", "01/01/0001").replace(b"10:15:05", b"00:00:00")) == "bad-instant"


@pytest.mark.requirement("SE-8")
@pytest.mark.parametrize("element", ["mittente", "destinatari", "consegna"])
def test_an_empty_address_is_refused(element):
    text = DELIVERY
    start = text.index(">", text.index(f"<{element}")) + 1
    end = text.index(f"</{element}>")
    assert reason_of((text[:start] + " \n" + text[end:]).encode()) == "bad-address"


def test_an_empty_identifier_is_refused():
    assert reason_of(delivery(">pec1a2b@gestore-alfa.example<", ">&lt;&gt;<")) == "bad-identifier"


# Under load


@pytest.mark.requirement("XM-4", "SE-7")
@pytest.mark.parametrize(
    "data",
    [
        b"<dati>" * 170_000,
        b"<postacert>" + b"<a>" * 300_000,
        b"<!DOCTYPE postacert [" + b"<!-- -->" * 120_000,
        b"<!DOCTYPE postacert [" + b'<!A "' * 200_000,
        b"<!DOCTYPE " + b'"' * 1_000_001,
        b"<!--" * 250_000,
        b"<![CDATA[" * 110_000,
        b"<oggetto>" + b"&amp" * 200_000,
        b"<postacert " + b"tipo='' " * 130_000,
        b"<postacert" + b" " * 1_000_000,
        b"<?" + b"?" * 1_000_000,
        b'<?xml version="1.0"' + b" " * 1_000_000,
    ],
)
def test_hostile_megabytes_are_refused_in_linear_time(data):
    assert reason_of(data) in {"not-xml", "not-valid", "entity"}


def test_many_recipients_are_read():
    line = '<destinatari tipo="esterno">a@b.example</destinatari>\n'
    read = read_certification(delivery("    <risposte>", line * 10_000 + "<risposte>"))
    assert len(read.data.original.recipients) == 10_001


@pytest.mark.requirement("XM-5")
def test_threads_share_the_dtd():
    good, bad, outcomes = delivery(), delivery('tipo="avvenuta-consegna"', 'tipo="x"'), []

    def read_both() -> None:
        for _ in range(50):
            read_certification(good)
            outcomes.append(reason_of(bad))

    threads = [threading.Thread(target=read_both) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["not-valid"] * 200
    assert dtd() is dtd()
