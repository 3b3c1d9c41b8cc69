"""A few hundred tries of each area find nothing, and what the fuzzers call a finding is one."""

import signal

import pytest

import fewfire as ff
from fewfire import cli
from fewfire.base.interrupts import STOPS
from tests.fuzz import command
from tests.fuzz.areas import AREAS, FUZZED
from tests.fuzz.attempt import REFUSED, Attempt, FindingError
from tests.fuzz.batch import attempt_once
from tests.fuzz.lines import printed_by
from tests.fuzz.verdict import unclear


@pytest.mark.parametrize("area", FUZZED)
def test_some_tries_find_nothing(area, tmp_path):
    n_tries = {"toml": 40}.get(area, 300)
    words = ("--areas", area, "--tries", str(n_tries), "--seed", "0", "--keep", str(tmp_path))
    code, printed = printed_by(*words)
    assert code == 0, printed


@pytest.mark.parametrize("area", FUZZED)
def test_a_number_is_the_same_try_each_time(area, tmp_path):
    AREAS[area].prepare()
    stories = []
    for name in ("a", "b"):
        (tmp_path / "try").mkdir()
        stories.append(attempt_once(area, 7, tmp_path / "try")[0].story)
        (tmp_path / "try").rename(tmp_path / name)
    assert stories[0] == stories[1]


def caught(call):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    return caught.value


def test_what_is_raised_on_purpose_is_clear(tmp_path):
    assert unclear(caught(lambda: ff.Hashed(density=2.0))) is None
    assert unclear(caught(lambda: ff.Hashed(density="x"))) is None
    assert unclear(caught(lambda: ff.load(tmp_path / "nowhere")), tmp_path / "nowhere") is None


def test_what_the_core_refuses_is_clear():
    net = ff.Network(ff.Linear(2, 2))
    net.loss = "none"
    assert unclear(caught(lambda: net.predict_topk([[1.0, 2.0]], 1))) is None


def test_what_others_raise_is_not_clear():
    assert unclear(caught(lambda: int("x"))) == "not a refusal"
    assert unclear(caught(lambda: ff.Hashed(wrong=1))) == "not a refusal"
    assert unclear(caught(lambda: {}["name"])) == "not a refusal"
    assert unclear(RuntimeWarning("overflow")) == "a warning"


def test_a_message_is_short_and_names_the_file(tmp_path):
    error = caught(lambda: ff.load(tmp_path))
    assert unclear(error, tmp_path / "another") == "the file is not named"
    error.args = (f"{tmp_path}: {'x' * 600}",)
    assert "characters" in unclear(error, tmp_path)


def test_a_question_is_answered_refused_or_a_finding(tmp_path):
    attempt = Attempt(tmp_path)
    assert attempt.ask("one", lambda: 1) == 1
    assert attempt.ask("two", lambda: ff.Hashed(density=2.0)) is REFUSED
    assert attempt.refused is False
    with pytest.raises(FindingError, match="three: not a refusal: KeyError"):
        attempt.ask("three", lambda: {}["three"])


@pytest.mark.parametrize(
    ("raised", "finding"),
    [(AssertionError("wrong"), "exit code 70"), (RuntimeError("Traceback"), "a traceback")],
)
def test_a_fault_of_a_command_is_a_finding(tmp_path, monkeypatch, raised, finding):
    def fail(*_, **__):
        raise raised

    monkeypatch.setattr(cli.commands, "main", fail)
    with pytest.raises(FindingError, match=finding):
        command.run(Attempt(tmp_path), tmp_path, "train")


@pytest.mark.parametrize("stop", STOPS)
def test_a_command_that_is_stopped_is_none(tmp_path, monkeypatch, stop):
    before = signal.signal(stop, signal.SIG_DFL)
    monkeypatch.setattr(cli.commands, "main", lambda *_, **__: signal.raise_signal(stop))
    assert command.run(Attempt(tmp_path), tmp_path, "train").code == 128 + stop
    signal.signal(stop, before)
