import io
import zipfile

import pytest

from ceralacca.apps.cli.sources import files_of, read_sources
from ceralacca.base.errors import UserError

MESSAGE = b"Subject: uno\n\ntesto\n"


def test_a_file_is_read_octet_by_octet(tmp_path):
    path = tmp_path / "a.eml"
    path.write_bytes(MESSAGE)
    (source,) = read_sources(str(path))
    assert (source.name, source.data, source.unquoted) == (str(path), MESSAGE, None)


def test_an_mbox_is_cut_at_its_separators_and_nowhere_else(tmp_path):
    path = tmp_path / "a.mbox"
    second = b"Subject: due\n\nFrom here on no separator\n\n>From quoted\n"
    path.write_bytes(
        b"From a@x.example Thu Nov  5 10:15:02 2026\n" + MESSAGE + b"\n"
        b"From b@x.example Thu Nov  5 10:15:03 2026\n" + second + b"\n"
    )
    one, two = read_sources(str(path))
    assert (one.name, one.data, one.unquoted) == (f"{path}#1", MESSAGE, None)
    assert two.data == second
    assert two.unquoted == second.replace(b">From", b"From")


def test_a_single_saved_message_with_a_from_line_keeps_its_name(tmp_path):
    path = tmp_path / "a.eml"
    path.write_bytes(b"From - Thu Nov  5 10:15:02 2026\r\n" + MESSAGE.replace(b"\n", b"\r\n"))
    (source,) = read_sources(str(path))
    assert source.name == str(path)
    assert source.data == MESSAGE.replace(b"\n", b"\r\n")


def test_standard_input_is_a_dash(monkeypatch):
    stdin = type("Stdin", (), {"buffer": io.BytesIO(MESSAGE)})()
    monkeypatch.setattr("sys.stdin", stdin)
    (source,) = read_sources("-")
    assert (source.name, source.data) == ("-", MESSAGE)


def test_a_folder_gives_its_messages_sorted_and_a_maildir_too(tmp_path):
    for name in ("b.eml", "a.EML", "pki/root.pem", "igpec.ldif.p7m", "box/cur/1:2,S", "box/new/2", ".hidden.eml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(MESSAGE)
    names = [name.removeprefix(f"{tmp_path}/") for name in files_of([str(tmp_path), "-"])]
    assert names == ["a.EML", "b.eml", "box/cur/1:2,S", "box/new/2", "-"]


@pytest.mark.parametrize("name", ["missing.eml", "empty-folder", "empty.eml"])
def test_what_cannot_be_read_is_the_users_error_and_names_the_file(tmp_path, name):
    (tmp_path / "empty-folder").mkdir()
    (tmp_path / "empty.eml").write_bytes(b"\n")
    with pytest.raises(UserError, match=name) as caught:
        [list(read_sources(found)) for found in files_of([str(tmp_path / name)])]
    assert caught.value.remedy


def archive_of(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, octets in members:
            archive.writestr(name, octets)
    return str(path)


def test_the_messages_of_an_archive_are_read_and_nothing_else(tmp_path):
    name = archive_of(tmp_path / "prova.zip", [("a/1.eml", MESSAGE), ("LEGGIMI.txt", b"x"), ("2.EML", MESSAGE * 2)])
    assert [(one.name, one.data) for one in read_sources(name)] == [
        (f"{name}#a/1.eml", MESSAGE),
        (f"{name}#2.EML", MESSAGE * 2),
    ]


def test_an_archive_without_messages_or_that_cannot_be_read_is_the_users_error(tmp_path):
    with pytest.raises(UserError, match="no message"):
        list(read_sources(archive_of(tmp_path / "a.zip", [("LEGGIMI.txt", b"x")])))
    whole = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cannot be read"):
        list(read_sources(str(tmp_path / "b.zip")))


def test_an_archive_of_too_many_messages_is_not_opened(tmp_path):
    name = archive_of(tmp_path / "a.zip", [(f"{number}.eml", b"") for number in range(10_001)])
    with pytest.raises(UserError, match="too much"):
        list(read_sources(name))
