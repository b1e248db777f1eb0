"""The report on availability: what its pages say, in both languages, and that they say it again."""

import subprocess
from datetime import date, timedelta

import pytest

from ceralacca.apps.pdf_fonts import find_fonts
from ceralacca.core.acceptance_time import Breach, ContractTimes
from ceralacca.core.availability import Alarm, Availability, Function, FunctionFigures, Outage
from ceralacca.core.four_months import FourMonths
from ceralacca.core.model.disservice import Disservice, DisserviceKind, IncidentCode
from ceralacca.core.outage_records import outage_records
from ceralacca.formats.availability_report import (
    AvailabilityReport,
    ProbeEvidence,
    draw_report,
    outages_csv,
    sentences,
)

Q3 = FourMonths(year=2025, number=3)
MINUTE = timedelta(minutes=1)
AT = Q3.begins + timedelta(days=54, hours=21, minutes=40)
OUTAGE = Outage(begins=AT, ends=AT + 44 * MINUTE, functions=frozenset({Function.IMAP, Function.DELIVERY}), unseen=2)
WORK = Outage(begins=AT + timedelta(days=20), ends=AT + timedelta(days=20, minutes=12),
              functions=frozenset({Function.SUBMIT}), planned=12)  # fmt: skip
ENTRY = Disservice(number=7, kind=DisserviceKind.INCIDENT, begins=AT, ends=AT + 50 * MINUTE, recorded=AT,
                   code=IncidentCode.BLOCKING, what="rete interrotta: perché", remedy="cavo nuovo")  # fmt: skip


def report(**more):
    figures = FunctionFigures(tries=351000, failures=88, minutes_down=44, mean_seconds=0.21, slowest_seconds=9.5)
    known = Availability(
        period=Q3, until=Q3.ends, outages=(OUTAGE, WORK), seen=Q3.minutes - 3, unseen=1, longest_possible=45,
        functions=dict.fromkeys(Function, figures), probes=("milano", "roma"),
        alarms=(Alarm(limit="outage", percent=25, at=AT + 44 * MINUTE),),
    )  # fmt: skip
    times = ContractTimes(contract="", term=timedelta(seconds=60), receipts=1200, within=1198, alarms=2, held=1,
                          slowest=95.0, histogram=tuple([100] * 12))  # fmt: skip
    evidence = ProbeEvidence(probe="roma", files=122, first=date(2025, 9, 1), last=date(2025, 12, 31),
                             digest="ab" * 32, lines="")  # fmt: skip
    values = {
        "provider": "Gestore Alfa S.p.A.", "made": Q3.ends + timedelta(days=9), "known": known, "register": (ENTRY,),
        "records": tuple(outage_records(known, (ENTRY,))), "acceptance": (times,),
        "breaches": (Breach(identifier="pec1@alfa.example", contract="", submitted=AT, seconds=95.0),
                     Breach(identifier="pec2@alfa.example", contract="", submitted=AT, seconds=None)),
        "evidence": (evidence,), "damage": (), **more,
    }  # fmt: skip
    return AvailabilityReport(**values)


def text_of(octets, folder):
    (folder / "r.pdf").write_bytes(octets)
    done = subprocess.run(["pdftotext", "-layout", folder / "r.pdf", "-"], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.system
@pytest.mark.requirement("SL-2", "SL-3", "SL-4", "SL-7")
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("it", ["I limiti di legge sono stati rispettati", "56 minuti su 351.48 ammessi", "44 minuti su 175.74",
                "25/10/2025 21:40:00", "VAT-IT00000000000", "perché", "mancante", "consegna, IMAP"]),
        ("en", ["The limits of the law were kept", "56 minutes of 351.48", "Page 1 of", "missing"]),
    ],
)  # fmt: skip
def test_the_pages_say_it(tmp_path, language, said):
    octets = draw_report(report(), language=language, fonts=find_fonts(), provider_code="VAT-IT00000000000")
    text = text_of(octets, tmp_path)
    assert [one for one in said if one not in text] == []


def test_the_same_report_gives_the_same_octets():
    drawn = [draw_report(report(), language="it", fonts=None, provider_code="") for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_a_report_with_nothing_in_it_is_a_report():
    known = Availability(period=Q3, until=Q3.begins)
    empty = report(known=known, register=(), records=(), acceptance=(), breaches=(), evidence=(), damage=("x:1 chain",))
    assert draw_report(empty, language="en", fonts=None, provider_code="").startswith(b"%PDF-")


def test_outages_are_told_to_programs_in_utc():
    lines = outages_csv(report()).splitlines()
    assert lines[1] == "2025-10-25T19:40:00+00:00;2025-10-25T20:24:00+00:00;44;2;0;delivery imap"


def test_both_languages_have_the_same_sentences():
    italian, english = sentences("it"), sentences("en")
    assert {key: set(value) for key, value in italian.items()} == {key: set(value) for key, value in english.items()}
    assert all(italian["heads"][table].count("|") == english["heads"][table].count("|") for table in english["heads"])
