"""Connections to SQLite are set as the store needs them."""

from contextlib import closing, suppress
from pathlib import Path

from ceralacca.store.driver import driven
from ceralacca.store.engine import Database

_THOUSAND = "numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000)"


def test_what_a_statement_may_have_to_undo_is_in_no_file_of_the_systems(tmp_path):
    """SQLite would keep it in the folder for temporary files, page by page: content, and two calls for each page."""
    before = _open_files()
    with closing(Database(f"sqlite:///{tmp_path / 'some.db'}")) as database:
        with database.direct_transaction() as connection:
            driven(connection, "CREATE TABLE much (word TEXT PRIMARY KEY, octets BLOB NOT NULL)")
            driven(connection, f"WITH RECURSIVE {_THOUSAND} INSERT INTO much SELECT n, zeroblob(900) FROM numbers")
        with database.direct_transaction() as connection:
            driven(connection, "UPDATE much SET word = word || '.', octets = randomblob(900)")
            opened = _open_files() - before
            assert {place.parent for place in opened} == {tmp_path}


def _open_files() -> set[Path]:
    places = set()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # of the listing itself
            places.add(link.readlink())
    return places
