"""Many files are judged by several processes, and the answer is that of one."""

import os
import signal

import pytest

from ceralacca.apps.cli import several
from ceralacca.apps.cli.several import FileAnswer, judged_apart, processes_for
from ceralacca.base.errors import WorldError

several_processors = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="one process there")


@pytest.fixture
def archive(sample, save):
    for number, path in enumerate(sorted(sample.glob("*.eml"))[:12]):
        save(path.read_bytes(), f"archive/{number:02}.eml")
    save(b"", "archive/05-empty.eml")
    both = b"From a@b Thu Nov  5 10:15:02 2026\n%s\n\n"
    save(b"".join(both % path.read_bytes() for path in sorted(sample.glob("*.eml"))[3:5]), "archive/07.mbox")
    return save(b"Subject: prova\r\n\r\nNessuno.\r\n", "archive/99.eml").parent


@several_processors
@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize("trusting", [True, False])
def test_the_answer_is_that_of_one_process(pec, archive, monkeypatch, short, trusting):
    options = ["--short"] if short else []
    verify = pec.verify if trusting else lambda *arguments: pec("verify", "--lang", "it", *arguments)
    alone = verify(*options, archive)
    monkeypatch.setattr(several, "MANY", 2)
    monkeypatch.setattr(several, "_FILES_AT_ONCE", 3)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    together = verify(*options, archive)
    assert together == alone
    assert "05-empty.eml" in together.err
    assert together.status == 2


@several_processors
def test_a_process_that_is_ended_is_an_error_and_no_verdict():
    def end(_):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(WorldError), judged_apart(["one", "two"], end, 2) as answers:
        list(answers)


@several_processors
def test_answers_come_in_the_order_of_the_files():
    names = [str(number) for number in range(100)]
    with judged_apart(names, lambda name: FileAnswer(name=name, messages=()), 2) as answers:
        assert [answer.name for answer in answers] == names


def test_few_files_and_standard_input_are_for_one_process():
    assert processes_for(["a.eml"] * (several.MANY - 1)) == 1
    assert processes_for(["a.eml"] * several.MANY + ["-"]) == 1
