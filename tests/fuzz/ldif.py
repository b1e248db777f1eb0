"""Fuzz target: a providers directory from a stranger.

    python tests/fuzz/ldif.py tests/fuzz/corpus/ldif

Whatever the octets, nothing but MalformedDirectory comes out, with a line of the file; what is read is
written and read back the same, and answers for its own domains and certificates (DI-5, DI-7, DI-8).
"""

from ceralacca.formats.directory_ldif import MalformedDirectory, read_directory, write_directory


def test_one_input(data: bytes) -> None:
    """Read one input as a directory."""
    try:
        directory = read_directory(data)
    except MalformedDirectory as error:
        if not 1 <= error.line <= data.count(b"\n") + 1:
            raise AssertionError(f"line {error.line} is not in the file") from error
        return
    assert read_directory(write_directory(directory)) == directory
    for record in directory.records:
        assert all(directory.is_pec(domain) for domain in record.domains)
        assert all(record in directory.owners(certificate) for certificate in record.certificates)


if __name__ == "__main__":
    import sys

    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
