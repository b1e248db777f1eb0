"""What Dovecot is told: no channel in clear, one user, no other sign-in, and only versions that understand it."""

from pathlib import Path

import pytest

from ceralacca.base.errors import UserError
from ceralacca.net.dovecot_configuration import DovecotSettings, ServerUser, check_version, write_configuration

USER = ServerUser(name="posta", group="poste", uid=4321, gid=1234)


def settings(**named) -> DovecotSettings:
    given = {
        "run_folder": Path("/run/pec"),
        "log": Path("/var/log/pec/dovecot.log"),
        "certificate": Path("/etc/pec/tls.crt"),
        "private_key": Path("/etc/pec/tls.key"),
    }
    return DovecotSettings(**given | named)


def sections(text: str) -> dict[str, str]:
    """Return the configuration's settings by the path of their sections."""
    found, stack = {}, []
    for line in (line.strip() for line in text.splitlines()):
        if line.endswith("{"):
            stack.append(line.removesuffix("{").strip())
        elif line == "}":
            stack.pop()
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found["/".join([*stack, name.strip()])] = value.strip()
    assert stack == []
    return found


@pytest.mark.requirement("DP-7")
def test_only_protected_channels_are_open():
    told = sections(write_configuration(settings(imaps_port=1993, pop3s_port=1995), USER))
    listeners = {key: value for key, value in told.items() if "inet_listener" in key}
    assert listeners == {
        "service imap-login/inet_listener imap/port": "0",
        "service imap-login/inet_listener imaps/port": "1993",
        "service imap-login/inet_listener imaps/ssl": "yes",
        "service pop3-login/inet_listener pop3/port": "0",
        "service pop3-login/inet_listener pop3s/port": "1995",
        "service pop3-login/inet_listener pop3s/ssl": "yes",
    }
    assert told["ssl"] == "required"
    assert told["ssl_min_protocol"] == "TLSv1.2"
    assert told["disable_plaintext_auth"] == "yes"
    assert told["listen"] == "127.0.0.1"


def test_everything_runs_as_one_user():
    told = sections(write_configuration(settings(), USER))
    assert {told[f"default_{which}_user"] for which in ("internal", "login")} == {"posta"}
    assert {told[f"{which}_uid"] for which in ("mail", "first_valid", "last_valid")} == {"4321"}
    assert {told[f"{which}_gid"] for which in ("mail", "first_valid", "last_valid")} == {"1234"}
    assert told["default_internal_group"] == "poste"


def test_our_sign_in_is_asked_and_no_other():
    text = write_configuration(settings(), USER)
    told = sections(text)
    assert "passdb" not in text
    assert "userdb" not in text
    for protocol in ("imap", "pop3"):
        assert told[f"service {protocol}-login/executable"] == f"{protocol}-login /run/pec/login.sock"
        assert told[f"service {protocol}/executable"] == f"{protocol} -a /run/pec/mailbox.sock"


def test_the_log_is_told_to_name_no_mailbox():
    told = sections(write_configuration(settings(), USER))
    for name in ("login_log_format_elements", "mail_log_prefix"):
        assert not any(mark in told[name] for mark in ("%u", "%n", "%{user}", "%h", "%{home}"))


@pytest.mark.parametrize(
    "path", ["/run/a b", "/run/{x}", "/run/a\nssl = no", "/run/#", "relative", "/run/%u", '/run/"x"', "/run/$x"]
)
def test_a_path_that_would_read_as_something_else_is_refused(path):
    with pytest.raises(UserError, match="cannot stand"):
        write_configuration(settings(run_folder=Path(path)), USER)
    with pytest.raises(UserError, match="cannot stand"):
        write_configuration(settings(log=Path(path)), USER)


@pytest.mark.parametrize("answer", ["2.3.19.1 (9b53102964)\n", "2.3.21 (x)", "2.3.4"])
def test_version_2_3_is_configured(answer):
    assert check_version(answer).startswith("2.3.")


@pytest.mark.parametrize("answer", ["2.4.0 (x)", "2.2.36", "3.0.0", "", "dovecot: command not found", "12.3.1"])
def test_another_version_is_refused_with_the_way_out(answer):
    with pytest.raises(UserError, match="not supported") as refused:
        check_version(answer)
    assert "2.3" in refused.value.remedy


@pytest.mark.requirement("DP-8")
def test_nothing_filters_forwards_or_answers():
    told = sections(write_configuration(settings(), USER))
    assert told["protocols"] == "imap pop3", "no delivery, no ManageSieve, no submission"
    plugins = {word for name, value in told.items() if name.endswith("mail_plugins") for word in value.split()}
    assert plugins == {"quota", "imap_quota"}
    words = " ".join([*told, *told.values()]).lower()
    assert not [
        word for word in ("sieve", "vacation", "redirect", "forward", "lda", "lmtp", "sendmail") if word in words
    ]
