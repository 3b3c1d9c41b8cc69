"""A trained model is kept: where it will be is tried and told before, and it is not lost to a disk.

The real command line where a process matters; otherwise its function, in this process.
"""

import errno
import json
import os
import signal
import stat
import subprocess
import sys

import numpy as np
import pytest

import fewfire as ff
from commands import HANG, start
from fewfire import cli, datasets
from fewfire.base.interrupts import stops_as_interrupts
from fewfire.cli import keeping
from fewfire.cli.keeping import PAUSES, beside, keep

TRAIN = ("--hidden", "8", "--gate", "all", "--max-epochs", 1, "--n-jobs", 1)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    datasets.save_npz(tmp_path / "data.npz", ff.Dataset(X, np.arange(60) % 3))
    datasets.save_svmlight(tmp_path / "data.txt", ff.Dataset(X, np.arange(60) % 3))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def here(*words):
    return cli.run([str(word) for word in words])


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ("data.npz", "data.npz.safetensors"),
        ("a/train.txt.gz", "a/train.txt.gz.safetensors"),
        ("data/mnist/", "data/mnist.safetensors"),
        ("train.safetensors", "train.safetensors.safetensors"),
    ],
)
def test_a_model_is_kept_beside_its_data(data, place):
    assert str(beside(keeping.Path(data))) == place


def test_the_folder_one_is_in_has_its_model_beside_it(folder):
    for data in (".", "", "x/.."):
        (folder / "x").mkdir(exist_ok=True)
        assert beside(keeping.Path(data)).resolve() == folder.with_name(
            f"{folder.name}.safetensors"
        )


def test_without_a_word_the_model_is_kept_and_its_place_told_before(folder, capsys):
    assert here("train", "data.npz", *TRAIN) == 0
    out, err = capsys.readouterr()
    assert "to be written to data.npz.safetensors\n" in err.split("epoch 1/")[0]
    assert "model: data.npz.safetensors" in out
    assert ff.load("data.npz.safetensors").n_outputs == 3
    assert here("train", "data.npz", *TRAIN, "--json") == 0  # a model may be replaced
    out, err = capsys.readouterr()
    assert "in place of what is there" in err
    assert json.loads(out)["model"] == "data.npz.safetensors"
    assert here("train", "data.npz", *TRAIN, "-q") == 0
    assert capsys.readouterr().err == ""


def test_a_settings_file_has_the_model_beside_the_data(folder):
    (folder / "sub").mkdir()
    (folder / "sub/run.toml").write_text('data = "data.npz"\nhidden = [4]\nmax_epochs = 1\n')
    assert here("train", "sub/run.toml", "-q") == 0
    assert (folder / "data.npz.safetensors").exists()


@pytest.mark.parametrize("kind", ["text", "data", "folder", "pipe"])
def test_what_is_no_model_is_not_replaced_unless_it_is_asked_for(folder, capsys, kind):
    path = folder / "data.txt.safetensors"
    if kind == "text":
        path.write_text("precious")
    elif kind == "data":
        datasets.convert("data.txt", path)
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    before = state_of(path)
    assert here("train", "data.txt", *TRAIN) == 2
    err = capsys.readouterr().err
    assert "data.txt.safetensors is there, and no model: add -o FILE" in err
    assert "epoch" not in err
    assert state_of(path) == before


def state_of(path):
    """What tells whether a file is the same and was not written to; it may have been read."""
    found = path.stat()
    return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns


def test_a_model_that_will_not_be_kept_is_told_before_training(folder, capsys, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "no", str(path))

    monkeypatch.setattr(keeping, "check_writable", refuse)
    for quiet in ((), ("-q",)):
        assert here("train", "data.npz", *TRAIN, *quiet) == 0
        out, err = capsys.readouterr()
        assert "the model will not be kept" in err.split("epoch")[0]
        assert "add -o FILE" in err
        assert "model:" not in out
    assert not (folder / "data.npz.safetensors").exists()


WRITERS = [
    "train data.npz -o {}",
    "train data.npz --checkpoint {}",
    "convert data.txt {}",
    "data convert data.npz {}",
    "quickstart -o {}",
]


@pytest.mark.parametrize("words", WRITERS)
@pytest.mark.parametrize("target", [".", "no/where", "pipe", "data.npz/x", "/proc/x"])
def test_where_results_go_is_tried_before_anything_is_read(folder, capsys, words, target):
    os.mkfifo("pipe")
    before = sorted(os.listdir())
    assert here(*words.format(target).split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) <= 4  # usage, and one line that names the option and the path
    assert "Invalid value for" in err
    assert target.split("/")[-1] in err or "no folder" in err
    assert sorted(os.listdir()) == before
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)


def test_folders_of_results_are_tried_before_they_are_made(folder, capsys):
    for words in ("data generate strokes data.npz", "data norb data.npz -o data.txt"):
        assert here(*words.split()) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


class Disk:
    """What is saved is refused some times, as by a full disk, and then taken."""

    def __init__(self, refusals, number=errno.ENOSPC):
        self.refusals, self.number, self.tries, self.paused = refusals, number, [], []

    def save(self, path):
        self.tries.append(path)
        if len(self.tries) <= self.refusals:
            raise OSError(self.number, os.strerror(self.number), str(path))
        path.write_text("model")

    def keep(self, place):
        return keep(self.save, place, self.paused.append)


@pytest.mark.parametrize("refusals", range(len(PAUSES) + 1))
def test_a_model_waits_for_room(folder, capsys, refusals):
    disk, place = Disk(refusals), folder / "model"
    assert disk.keep(place) == place
    assert place.read_text() == "model"
    assert disk.paused == list(PAUSES[:refusals])
    told = capsys.readouterr().err.splitlines()
    assert len(told) == refusals
    assert all("No space left" in line and str(place) in line and "make room" in line
               for line in told)  # fmt: skip


def test_the_last_resort_is_a_temporary_file(folder, capsys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    disk, place = Disk(len(PAUSES) + 1), folder / "no" / "model"
    other = disk.keep(place)
    assert other.read_text() == "model"
    assert other.name == "model"
    err = capsys.readouterr().err
    assert f"{place} could not be written ([Errno 28]" in err
    assert f"the model is in {other}" in err
    assert sum(PAUSES) < 600


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOENT, errno.EFBIG])
def test_only_what_may_pass_is_waited_for(folder, capsys, monkeypatch, number):
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    disk, place = Disk(1, number), folder / "model"
    other = disk.keep(place)
    assert other.read_text() == "model"
    assert disk.paused == []
    err = capsys.readouterr().err
    assert os.strerror(number) in err
    assert "make room" not in err


@pytest.mark.parametrize("number", keeping.PASSING)
def test_what_may_pass_is_waited_for(folder, capsys, number):
    disk = Disk(1, number)
    assert disk.keep(folder / "model") == folder / "model"
    assert disk.paused == [PAUSES[0]]
    assert keeping.PASSING[number] in capsys.readouterr().err


@pytest.mark.usefixtures("_hears_interrupts")
def test_a_stop_while_writing_fails_ends_the_wait_but_not_the_last_resort(
    folder, capsys, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    disk, place = Disk(1), folder / "no" / "model"

    def save(path):
        if not disk.tries:
            signal.raise_signal(signal.SIGINT)
        disk.save(path)

    other = keep(save, place, disk.paused.append)
    assert other.read_text() == "model"
    assert disk.paused == []
    assert f"model: {place}" not in capsys.readouterr().err


@pytest.mark.usefixtures("_hears_interrupts")
def test_the_second_stop_of_a_program_ends_the_wait(folder, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    disk = Disk(1)
    with stops_as_interrupts():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        kept = keep(disk.save, folder / "model", lambda _: signal.raise_signal(signal.SIGTERM))
    assert kept.read_text() == "model"
    assert len(disk.tries) == 2


@pytest.fixture
def _hears_interrupts():
    """A background job of a shell ignores SIGINT; a user's terminal does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_model_that_is_lost_is_told(folder, capsys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    disk = Disk(len(PAUSES) + 2, errno.EIO)
    assert disk.keep(folder / "model") is None
    assert "the model is lost" in capsys.readouterr().err


def test_ctrl_c_ends_the_wait_but_not_the_last_resort(folder, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(folder))

    def interrupt(seconds):
        raise KeyboardInterrupt

    disk = Disk(1)
    assert keep(disk.save, folder / "model", interrupt).read_text() == "model"
    assert len(disk.tries) == 2


def test_a_signal_while_a_model_is_written_waits_for_the_end_of_it(folder, capsys):
    def save(path):
        signal.raise_signal(signal.SIGINT)
        path.write_text("whole")

    with pytest.raises(KeyboardInterrupt):
        keep(save, folder / "model")
    assert (folder / "model").read_text() == "whole"
    assert f"model: {folder / 'model'}" in capsys.readouterr().err


LIMITED = """
import resource, sys
from fewfire import cli
from fewfire.cli import keeping
keeping.PAUSES = (0, 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
sys.exit(cli.run(sys.argv[1:]))
"""


def test_a_limit_of_the_size_of_files_loses_the_model_with_clear_words(folder):
    words = ("train", "data.npz", *TRAIN, "--hidden", "64,64", "-o", "big")
    process = subprocess.run(
        [sys.executable, "-c", LIMITED, *map(str, words)], capture_output=True, text=True
    )
    assert process.returncode == 1
    assert process.stderr.count("File too large: 'big'") == 1
    assert "the model is lost" in process.stderr
    assert "64-64-3" in process.stdout  # the rest is told
    assert not (folder / "big").exists()
    assert [name for name in os.listdir() if name.endswith(".part")] == []


ENDED = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "terminal"}


@pytest.mark.parametrize("stop", ENDED)
def test_a_stopped_training_keeps_what_was_learned(folder, stop):
    words = ("train", "data.npz", *TRAIN, "--max-epochs", 10**6, "-o", "kept", "--json")
    process = start(*words, cwd=folder)
    while "epoch 2/" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(stop)
    out, err = process.communicate(timeout=HANG)
    assert process.returncode == 128 + stop
    assert ENDED[stop] in err.splitlines()[-1]
    assert "Traceback" not in err
    report = json.loads(out)
    assert report["interrupted"]
    assert report["model"] == "kept"
    assert ff.load("kept").n_outputs == 3


@pytest.mark.parametrize("stop", ENDED)
def test_a_stop_while_the_disk_is_waited_for_is_told_as_one(folder, stop, monkeypatch, capsys):
    (folder / "elsewhere").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder / "elsewhere"))
    monkeypatch.setattr(keep, "__defaults__", (lambda seconds: signal.raise_signal(stop),))
    save, is_full = ff.Network.save, iter([True])

    def save_later(net, path):
        if next(is_full, False):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        save(net, path)

    monkeypatch.setattr(ff.Network, "save", save_later)
    assert here("train", "data.npz", "-o", "full", *TRAIN) == 128 + stop
    err = capsys.readouterr().err
    assert ENDED[stop] in err.splitlines()[-1]
    (kept,) = (folder / "elsewhere").glob("*/full")
    assert str(kept) in err
    assert ff.load(kept).n_outputs == 3


def test_a_signal_that_is_ignored_stays_ignored(folder):
    """As `nohup` asks for."""
    code = (
        "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); from fewfire import cli;"
        "from fewfire.cli import keeping; keep = keeping.keep;"
        "from fewfire.cli import training_output as t;"
        "t.keep = lambda *a: (signal.raise_signal(signal.SIGHUP), keep(*a))[1];"
        "sys.exit(cli.run(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", code, "train", "data.npz", *map(str, TRAIN), "-o", "kept"]
    assert subprocess.run(words, capture_output=True).returncode == 0


@pytest.mark.parametrize("stop", ENDED)
def test_a_stop_while_data_is_read_leaves_nothing(folder, stop, monkeypatch, capsys):
    before = sorted(os.listdir())
    handlers = [signal.getsignal(number) for number in ENDED]
    monkeypatch.setattr(datasets, "load", lambda *args, **more: signal.raise_signal(stop))
    assert here("train", "data.npz", "-o", "out", *TRAIN) == 128 + stop
    assert ENDED[stop] in capsys.readouterr().err
    assert sorted(os.listdir()) == before
    assert [signal.getsignal(number) for number in ENDED] == handlers
