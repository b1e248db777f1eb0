from pathlib import Path

TOOL = "house"


def test_a_machine_path_is_found_with_its_line(tool):
    text = "first\nsee /ho" + "me/someone/file\n"
    assert list(tool.forbidden_words(Path("docs/a.md"), text)) == ["docs/a.md:2: a path of somebody's machine"]


def test_a_registry_host_is_found(tool):
    assert list(tool.forbidden_words(Path("a.txt"), "files.python" + "hosted.org"))


def test_a_private_key_is_found_and_its_marker_alone_is_not(tool):
    marker = "-----BEGIN PRIVATE " + "KEY-----\n"
    assert list(tool.forbidden_words(Path("k.pem"), marker + "A" * 64))
    assert not list(tool.forbidden_words(Path("k.py"), marker + "..."))


def test_a_claim_of_the_supervisor_is_found(tool):
    assert list(tool.forbidden_words(Path("README.md"), "an accredit" + "ed provider"))


def test_a_long_module_is_found_only_in_the_package(tool):
    text = "x\n" * 501
    assert list(tool.long_modules(Path("src/ceralacca/a.py"), text))
    assert not list(tool.long_modules(Path("tests/a.py"), text))


def test_an_address_of_a_real_domain_in_test_data_is_found(tool):
    assert list(tool.real_addresses(Path("tests/golden/a.eml"), "To: x@gestore" + ".it"))
    assert not list(tool.real_addresses(Path("tests/golden/a.eml"), "To: x@gestore.example"))


def test_a_possessive_group_is_found_and_a_possessive_run_is_not(tool):
    module = Path("src/ceralacca/a.py")
    assert list(tool.possessive_groups(module, 'one = re.compile(r"(?:ab*+c)' + '?+x")'))
    assert not list(tool.possessive_groups(module, r'one = re.compile(r"[)]*+\)*+(?:ab*+c)?x")'))
    assert not list(tool.possessive_groups(Path("tests/a.py"), "(?:ab*+c)" + "*+x"))
