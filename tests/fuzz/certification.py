"""Fuzz target: certification data from a stranger.

    python tests/fuzz/certification.py tests/fuzz/corpus/certification

Whatever the octets, nothing but MalformedCertification comes out; what is read holds no control character
but the line ends of `errore-esteso` (XM-4, SE-8).
"""

import re

from ceralacca.formats.certification_xml import MalformedCertification, read_certification, read_strictly

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def test_one_input(data: bytes) -> None:
    """Read one input as certification data."""
    try:
        read = read_certification(data)
    except MalformedCertification:
        return
    assert read_strictly(data) == read
    facts, original = read.data, read.data.original
    texts = [original.subject, original.reply_to, original.identifier, original.client_message_id, facts.issuer]
    assert not any("\n" in (text or "") for text in texts)
    assert not any(CONTROL.search(text or "") for text in [*texts, facts.error_detail])
    assert original.recipients
    assert facts.instant.utcoffset() is not None


if __name__ == "__main__":
    import sys

    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
