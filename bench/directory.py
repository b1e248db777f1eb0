"""Lookups in a directory of 40 providers and 3,000 domains: microseconds, beside the bare work they stand on.

Goal: no lookup costs more than ten times its bound.

    python bench/directory.py [--quick]

`is_pec` is held against a bare lookup in a dict of the same domains, the lookups by certificate against the
SHA-1 that they cannot do without (DI-7 to DI-9). Reading the whole LDIF is held against the base64 and hashing
of its certificates; an answer in seconds would show in DI-5.
"""

import base64
import hashlib
import itertools
import sys

from ceralacca.formats.directory_ldif import read_directory, write_directory
from ceralacca.testing.directory import make_directory
from measure import Act, Table, compare

DIRECTORY = make_directory(providers=40, domains=3000)
LDIF = write_directory(DIRECTORY)
RECORDS = DIRECTORY.records
DOMAINS = [domain.title() for record in RECORDS for domain in record.domains]
STRANGERS = [f"x.{domain}" for domain in DOMAINS]
CERTIFICATES = [(record.certificates[0], record.domains[-1]) for record in RECORDS]
BARE = dict.fromkeys((domain.lower() for domain in DOMAINS), True)


def over_domains(act, domains=DOMAINS) -> Act:
    """Do the act for a thousand domains in turn, so that the loop of the measure costs nothing."""
    rounds = itertools.cycle([domains[at : at + 1000] for at in range(0, len(domains) - 999, 1000)])

    def thousand() -> None:
        for domain in next(rounds):
            act(domain)

    return thousand


def over_certificates(act) -> Act:
    def every() -> None:
        for certificate, domain in CERTIFICATES:
            act(certificate, domain)

    return every


def bare_hash(certificate: bytes, _: str) -> object:
    return hashlib.sha1(certificate).hexdigest()


def decode_and_hash() -> None:
    for text in ENCODED:
        hashlib.sha1(base64.b64decode(text)).hexdigest()


ENCODED = [base64.b64encode(certificate) for record in RECORDS for certificate in record.certificates]


def main() -> int:
    window = 0.2 if "--quick" in sys.argv else 0.7
    table = Table("directory")
    bare = over_domains(lambda domain: domain.lower() in BARE)
    rows = {
        "is_pec, 1000 listed domains": over_domains(DIRECTORY.is_pec),
        "is_pec, 1000 others": over_domains(DIRECTORY.is_pec, STRANGERS),
        "record_of_domain, 1000": over_domains(DIRECTORY.record_of_domain),
    }
    for name, act in rows.items():
        table.add(compare(name, subject=act, bound=bare, goal=0.1, window=window))
    hashing = over_certificates(bare_hash)
    every = f"{len(CERTIFICATES)} certificates"
    for name, act in {"receipt_mailbox": DIRECTORY.receipt_mailbox, "owns": DIRECTORY.owns}.items():
        subject = over_certificates(act)
        table.add(compare(f"{name}, {every}", subject=subject, bound=hashing, goal=0.1, window=window))
    reading = compare("read the whole LDIF", subject=lambda: read_directory(LDIF), bound=decode_and_hash, window=window)
    table.add(reading)
    for row, acts in zip(table.rows, (1000, 1000, 1000, len(CERTIFICATES), len(CERTIFICATES), 1), strict=True):
        print(f"{row.name}: {1e6 / row.subject.median / acts:.2f} us each")
    return 0 if table.finish() else 1


if __name__ == "__main__":
    sys.exit(main())
