"""Stops that follow each other lose nothing: wherever the second comes, the model is kept.

They are sent at points of the program, not by the clock.
"""

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import fewfire as ff
from fewfire import cli
from fewfire.base.interrupts import STOPS
from fewfire.model.watchers import Watchers
from fewfire.network.network import Network
from fewfire.tagger import lesson
from fewfire.tagger.forest import Forest
from fewfire.training import run as network_run
from fewfire.training.index_upkeep import Upkeep
from fewfire.training.run import Run
from tags import tagged, write_xc

TAGGER = ["--preset", "fast"]
NETWORK = ["--bag", "8", "--hidden", "16", "--batch-size", "4"]
OF_ALL = [(Watchers, "start"), (Watchers, "end"), (os, "fsync"), (os, "replace")]
OF_TAGGER = [(lesson, "wait"), (ThreadPoolExecutor, "shutdown"), (Forest, "pack")]
OF_NETWORK = [(Upkeep, "start"), (Upkeep, "end_epoch"), (Network, "refresh")]
POINTS = {
    "a tagger": (TAGGER, OF_ALL + OF_TAGGER),
    "a network": (NETWORK, OF_ALL + OF_NETWORK),
    "a blend": ([*TAGGER, *NETWORK, "--blend"], OF_ALL + OF_TAGGER + OF_NETWORK),
}
AT_ONCE = [
    pytest.param(words, point, id=f"{name}, {point[1]}")
    for name, (words, points) in POINTS.items()
    for point in points
]
EPOCH, COMMAND = (Watchers, "end_epoch"), (sys.modules["fewfire.cli.train"], "how_to_go_on")
OF_ENDS = [(EPOCH, (Watchers, "end")), (EPOCH, COMMAND), (EPOCH, (os, "fsync"))]
OF_TREES = [((lesson, "wait"), (ThreadPoolExecutor, "shutdown")), (EPOCH, (Forest, "pack"))]
OF_ROWS = [((Run, "_renumber"), (Upkeep, "end_epoch"))]
IN_TURN = [
    pytest.param(POINTS[name][0], *pair, id=f"{name}, {pair[1][1]}")
    for name, pairs in (
        ("a tagger", OF_ENDS + OF_TREES),
        ("a network", OF_ENDS + OF_ROWS),
        ("a blend", OF_ENDS + OF_TREES + OF_ROWS),
    )
    for pair in pairs
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stops")
    write_xc(folder / "data.txt", tagged(n=120))
    return folder


@pytest.fixture(autouse=True)
def inside(folder, monkeypatch):
    monkeypatch.setattr(network_run, "LONG", 1)  # rows are renumbered after short epochs, too
    before = {stop: signal.getsignal(stop) for stop in STOPS}
    for stop in STOPS:
        usual = signal.default_int_handler if stop == signal.SIGINT else signal.SIG_DFL
        signal.signal(stop, usual)
    monkeypatch.chdir(folder)
    (folder / "kept").unlink(missing_ok=True)
    yield
    for stop, handler in before.items():
        signal.signal(stop, handler)


class Sent:
    """Signals that are sent where a function is called: the first of them at its first call."""

    def __init__(self, monkeypatch, owner, name, *stops):
        self.left = list(stops)
        own = vars(owner)[name]
        function = getattr(owner, name)

        def send_and_call(*words, **more):
            while self.left:
                signal.raise_signal(self.left.pop(0))
            return function(*words, **more)

        wrapped = staticmethod(send_and_call) if isinstance(own, classmethod) else send_and_call
        monkeypatch.setattr(owner, name, wrapped)


def ended(words, capsys):
    """The exit code of a training, and what it said; a model was kept."""
    command = ["train", "data.txt", *words, "--n-jobs", "1", "-o", "kept"]
    code = cli.run([*command, "--max-epochs", "2"])
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert "error" not in err
    assert ff.load("kept").n_outputs == 40
    return code, err


@pytest.mark.parametrize("stops", [(signal.SIGTERM, signal.SIGHUP), (signal.SIGINT,) * 2])
@pytest.mark.parametrize(("words", "point"), AT_ONCE)
def test_two_stops_at_any_point_leave_the_model(monkeypatch, capsys, words, point, stops):
    sent = Sent(monkeypatch, *point, *stops)
    code, err = ended(words, capsys)
    assert sent.left == []
    assert code == 128 + stops[0]
    assert err.splitlines()[-1] == f"fewfire: {cli.STOPPED[stops[0]]}"


@pytest.mark.parametrize(("words", "first", "second"), IN_TURN)
def test_a_stop_while_another_ends_the_training_leaves_the_model(
    monkeypatch, capsys, words, first, second
):
    Sent(monkeypatch, *first, signal.SIGTERM)
    sent = Sent(monkeypatch, *second, signal.SIGHUP)
    code, _ = ended(words, capsys)
    assert sent.left == []
    assert code == 128 + signal.SIGTERM


def test_a_stop_before_the_network_of_a_blend_begins_leaves_the_tagger(monkeypatch, capsys):
    sent = Sent(monkeypatch, Network, "summary", signal.SIGTERM)
    code, _ = ended(POINTS["a blend"][0], capsys)
    assert sent.left == []
    assert code == 128 + signal.SIGTERM
    assert isinstance(ff.load("kept"), ff.Tagger)
