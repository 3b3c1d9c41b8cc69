"""Long trainings of all models: they stop early, are interrupted, tell how to go on, and do."""

import shlex

import click
import pytest

import fewfire as ff
from commands import same_bytes
from fewfire.base.files import read_model, write_model
from fewfire.callbacks import Checkpoint
from fewfire.cli import commands
from fewfire.cli.blend_training import BlendTraining
from fewfire.cli.train import _read, train
from resuming import rows, work
from tags import tagged, write_xc

MODELS = {
    "a tagger": ["--preset", "fast"],
    "a network": ["--bag", "8", "--batch-size", "4"],
    "a blend": ["--blend", "--preset", "fast", "--bag", "8", "--batch-size", "4"],
}
EPOCHS = ["--max-epochs", "3", "--n-jobs", "1", "-q"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a folder")
    write_xc(folder / "my data.txt", tagged(n=200))
    write_xc(folder / "val.txt", tagged(n=100, seed=1))
    return folder


@pytest.fixture(autouse=True)
def inside(folder, monkeypatch):
    monkeypatch.chdir(folder)


class Stopped:
    """Ctrl-C as soon as so many checkpoints are written."""

    def __init__(self, monkeypatch, n_written):
        self.after_epoch, self.left = Checkpoint.after_epoch, n_written
        monkeypatch.setattr(Checkpoint, "after_epoch", lambda *words, **more: self(*words, **more))

    def __call__(self, checkpoint, run, *, stops):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        self.after_epoch(checkpoint, run, stops=stops)


def run(*words):
    return commands.main(list(map(str, words)), prog_name="fewfire", standalone_mode=False)


def begin(*words):
    return run("train", "my data.txt", "--val", "val.txt", *EPOCHS, *words)


def n_written(name):
    return 6 if name == "a blend" else 3


def going_on(err):
    (line,) = [line for line in err.splitlines() if line.startswith("interrupted")]
    return line


@pytest.mark.parametrize("name", MODELS)
def test_the_command_that_an_interrupted_run_tells_ends_as_the_whole_run(
    folder, monkeypatch, capsys, name
):
    words = [*MODELS[name], "--patience", "2"]
    assert begin(*words, "-o", "whole") == 0
    for n in range(1, n_written(name)):
        with monkeypatch.context() as patched:
            Stopped(patched, n)
            assert begin(*words, "--checkpoint", "a checkpoint", "-o", "rest") == 130
        line = going_on(capsys.readouterr().err)
        told = line.partition(" To go on: ")[2]
        command = shlex.split(told)
        assert command[:4] == ["fewfire", "train", "--resume", "a checkpoint"]
        assert run(*command[1:]) == 0
        assert same_bytes(folder, "whole", "rest")


def test_the_command_resumes_the_last_checkpoint_and_no_other(monkeypatch, capsys):
    words = [*MODELS["a network"], "--checkpoint", "c"]
    for n, more in ((1, []), (1, ["--resume", "c"]), (0, ["--resume=c"])):
        with monkeypatch.context() as patched:
            Stopped(patched, n)
            assert begin(*words, *more) == 130
        command = shlex.split(going_on(capsys.readouterr().err).partition(" To go on: ")[2])
        assert command.count("--resume") == 1
        assert "--resume=c" not in command


def test_settings_of_a_file_go_on_with_that_file(folder, monkeypatch, capsys):
    lines = ['data = "my data.txt"', "bag = 8", "max-epochs = 3", "n-jobs = 1", 'checkpoint = "d"']
    (folder / "run.toml").write_text("\n".join(lines))
    with monkeypatch.context() as patched:
        Stopped(patched, 1)
        assert run("train", "run.toml", "-q") == 130
    line = going_on(capsys.readouterr().err)
    assert line == (
        "interrupted: the model is what was learned so far. "
        "To go on: fewfire train --resume d run.toml -q"
    )


@pytest.mark.parametrize("name", MODELS)
def test_without_a_checkpoint_there_is_nothing_to_go_on_from(monkeypatch, capsys, name):
    with monkeypatch.context() as patched:
        Stopped(patched, 0)
        assert begin(*MODELS[name], "--checkpoint", "none yet") == 130
    assert "There is no new checkpoint yet" in going_on(capsys.readouterr().err)

    def interrupt(*_):
        raise KeyboardInterrupt

    for module in ("training", "tagger"):
        monkeypatch.setattr(getattr(ff, module).run, "tell_epoch", lambda *_, **__: interrupt())
    assert begin(*MODELS[name]) == 130
    assert "With --checkpoint FILE" in going_on(capsys.readouterr().err)


@pytest.mark.parametrize("name", MODELS)
def test_a_longer_plan_goes_on(capsys, name):
    begin(*MODELS[name], "--checkpoint", "short")
    words = ["--resume", "short", "--max-epochs", "5", "-o", "long"]
    run("train", "my data.txt", "--val", "val.txt", *MODELS[name], *words)
    err = capsys.readouterr().err
    assert "3 epochs were planned and now are 5" in err
    assert "epoch 5/5" in err
    assert ("the tagger is that of short, trained in 3 epochs" in err) == (name == "a blend")


def of_blend(*words):
    """A blend's training that the options of a command ask for."""
    words = ["my data.txt", "--val", "val.txt", *EPOCHS, *MODELS["a blend"], *words]
    options = dict(train.make_context("train", words).params)
    fit, held_out, _ = _read(options.pop("data"), options)
    return BlendTraining(fit, held_out, options)


def test_a_resumed_blend_tells_the_work_of_both(monkeypatch):
    whole = of_blend().run()
    for n in (1, 2, 4, 5):
        with monkeypatch.context() as patched:
            Stopped(patched, n)
            assert of_blend("--checkpoint", "c").run().history.interrupted
        rest = of_blend("--resume", "c").run()
        assert work(rest.history) == work(whole.history)
        assert rows(rest.history) == rows(whole.history)


def test_the_checkpoint_of_a_blend_is_a_tagger_and_then_a_blend(monkeypatch):
    for n, kind in ((2, ff.Tagger), (4, ff.Blend)):
        with monkeypatch.context() as patched:
            Stopped(patched, n)
            begin(*MODELS["a blend"], "--checkpoint", "c")
        assert isinstance(ff.load("c"), kind)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seed", "1"], "random_state=0, this run has 1"),
        (["--preset", "balanced"], "n_trees=1, this run has 3"),
        (["--patience", "1"], "a resumed run needs the same"),
        (["--batch-size", "8"], "batch_size=4, this run has 8"),
    ],
)
def test_another_blend_is_not_resumed(monkeypatch, words, message):
    with monkeypatch.context() as patched:
        Stopped(patched, 4)
        begin(*MODELS["a blend"], "--checkpoint", "c")
    with pytest.raises(ValueError, match=message):
        begin(*MODELS["a blend"], "--resume", "c", *words)


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("name", MODELS)
def test_a_run_that_measures_on_other_data_is_not_resumed(folder, monkeypatch, name, n):
    write_xc(folder / "other.txt", tagged(n=100, seed=2))
    words = [*MODELS[name], "--patience", "5"]
    with monkeypatch.context() as patched:
        Stopped(patched, min(n, n_written(name) - 1))
        assert begin(*words, "--checkpoint", "c") == 130
    with pytest.raises(ValueError, match="c was measured on other eval_sets"):
        begin(*words, "--resume", "c", "--max-epochs", "5", "--val", "other.txt")


def test_gates_of_before_are_not_told_again(capsys):
    words = "train val.txt --hidden 20 --density 0.3 --val-size 20 --monitor-gates 5 --n-jobs 1"
    run(*words.split(), "--max-epochs", "1", "--checkpoint", "gates")
    config, arrays = read_model("gates")
    del config["version"]
    for row in config["training"]["callbacks"][0]["state"]["history"]:
        row.update(epoch=2, layer=99)
    write_model("gates", config, arrays)
    capsys.readouterr()
    assert run(*words.split(), "--max-epochs", "2", "--resume", "gates") == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "consistency" in line]
    assert len(told) == 1
    assert told[0].startswith("  layer 0: ")


def test_a_full_disk_is_told_in_a_line(monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ff.model.run, "write_model", full)
    assert begin(*MODELS["a tagger"], "--checkpoint", "full") == 0
    err = capsys.readouterr().err
    lines = [line for line in err.splitlines() if "warning" in line]
    assert lines[0] == (
        "fewfire: warning: the checkpoint full could not be written after epoch 1: "
        "No space left on device"
    )
    assert lines[-1].endswith("the checkpoint full was never written, training ended after epoch 3")


@pytest.mark.parametrize("name", MODELS)
def test_a_new_checkpoint_that_is_not_there_yet_leaves_the_old_one_to_go_on_from(
    monkeypatch, capsys, name
):
    with monkeypatch.context() as patched:
        Stopped(patched, 1)
        assert begin(*MODELS[name], "--checkpoint", "old") == 130
    capsys.readouterr()
    with monkeypatch.context() as patched:
        Stopped(patched, 0)
        assert begin(*MODELS[name], "--resume", "old", "--checkpoint", "new") == 130
    assert "There is no new checkpoint yet: the same command goes on from old once more." in (
        going_on(capsys.readouterr().err)
    )


def test_what_a_blend_keeps_of_its_tagger_packs_no_trees(monkeypatch):
    monkeypatch.setattr(ff.tagger.run.Run, "checkpoint", lambda _: 1 / 0)
    assert isinstance(of_blend().run().model, ff.Blend)


def test_a_checkpoint_of_the_command_line_is_one_file():
    words = ["train", "my data.txt", "--checkpoint", "c-{epoch}"]
    with pytest.raises(click.UsageError, match="is one file, without braces"):
        commands(words, standalone_mode=False)
