"""Prepared statements say what SQLAlchemy's own way says, on both engines."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, delete, insert, select, update

from ceralacca.base.errors import WorldError
from ceralacca.store.driver import driven
from ceralacca.store.engine import Raced
from ceralacca.store.prepared import Prepared, among, json_array
from ceralacca.store.tables import DOMAIN, TAKEN
from ceralacca.testing.clock import NOON

NAMES = st.lists(st.text(max_size=12), max_size=8, unique=True)


@pytest.fixture
def database(database_store):
    return database_store._database


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(there=NAMES, asked=NAMES)
def test_among_finds_what_in_finds_whatever_the_texts(database, there, asked):
    found = Prepared(select(TAKEN.c.identifier).where(among(TAKEN.c.identifier, "wanted")))
    others = {"provider": "Gestore Beta", "recipients_key": "-", "recipients": (), "letter": "-", "at": NOON}
    with database.transaction() as connection:
        connection.execute(delete(TAKEN))
        for name in there:
            connection.execute(insert(TAKEN).values(identifier=name, **others))
        rows = {row.identifier for row in found.all(connection, wanted=asked)}
        assert rows == set(connection.scalars(select(TAKEN.c.identifier).where(TAKEN.c.identifier.in_(asked))))
        assert rows == set(there) & set(asked)


def test_values_are_converted_on_their_way_in_and_out(database):
    later = NOON + timedelta(microseconds=1)
    first = Prepared(select(DOMAIN).where(DOMAIN.c.name == bindparam("wanted")))
    change = Prepared(update(DOMAIN).where(among(DOMAIN.c.name, "these")).values(created=bindparam("at")))
    with database.transaction() as connection:
        connection.execute(insert(DOMAIN).values(name="pec.beta.example", created=NOON))
        assert first.first(connection, wanted="pec.gamma.example") is None
        assert first.first(connection, wanted="pec.beta.example").created == NOON
        change.run(connection, these=["pec.beta.example"], at=later)
        assert first.first(connection, wanted="pec.beta.example").created == later
        change.run_each(connection, [{"these": [], "at": NOON}, {"these": ["pec.gamma.example"], "at": NOON}])
        assert first.first(connection, wanted="pec.beta.example").created == later


def test_the_errors_of_the_driver_are_told_as_ever(database):
    add = "INSERT INTO domain (name, created) VALUES ('pec.beta.example', 1)"
    with database.transaction() as connection:
        driven(connection, add)
    with pytest.raises(Raced), database.transaction() as connection:
        driven(connection, add)
    with pytest.raises(WorldError) as caught, database.transaction() as connection:
        driven(connection, "SELECT secret FROM nowhere")
    assert "secret" not in str(caught.value), "nothing of a statement leaves the store"
    with database.reading() as connection:
        assert len(driven(connection, "SELECT name FROM domain WHERE name = 'pec.beta.example'").fetchall()) == 1


def test_a_statement_that_wants_a_value_does_not_run_without_it(database):
    wanting = Prepared(select(DOMAIN.c.name).where(among(DOMAIN.c.name, "wanted")))
    with database.reading() as connection, pytest.raises(KeyError):
        wanting.all(connection)


@given(st.lists(st.text()) | st.lists(st.text(alphabet='",\\x ')) | st.lists(st.integers()))
def test_an_array_holds_what_was_written(values):
    assert json.loads(json_array(values)) == values
