from ceralacca.formats.edit import Edit, apply


def test_what_no_edit_names_is_a_view_of_the_input():
    data = b"0123456789"
    splice = apply(data, [Edit(0, 0, b"<"), Edit(2, 4, b"xyz"), Edit(4, 5, b""), Edit(10, 10, b">")])
    assert bytes(splice) == b"<01xyz56789>"
    views = [piece for piece in splice if isinstance(piece, memoryview)]
    assert [bytes(view) for view in views] == [b"01", b"56789"]
    assert all(view.obj is data for view in views)


def test_no_edit_gives_the_input_itself():
    data = b"0123456789"
    assert [piece.obj for piece in apply(data, [])] == [data]
