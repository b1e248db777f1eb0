"""The line of a row says what the row says, to the letter."""

from dataclasses import replace

import pytest

from ceralacca.core.model.address import Address
from ceralacca.formats.log_file.chain import RowChain
from ceralacca.formats.log_file.message_row import message_members
from ceralacca.testing import store_samples as some


@pytest.mark.requirement("LO-7")
def test_recipients_stand_as_each_row_spells_them():
    row = some.log_row()
    one = row.recipients[0]
    others = row._replace(recipients=(replace(one, address=Address(one.address.text.upper())), *row.recipients[1:]))
    assert others == row, "as addresses are compared"
    chain = RowChain(number=1, prev_hash="-")
    lines = [chain.line(message_members(each, "roma")) for each in (row, others, row)]
    assert [one.address.text.upper().encode() in line for line in lines] == [False, True, False]
    assert [one.address.text.encode() in line.split(b'"oggetto"')[0] for line in lines] == [True, False, True]
