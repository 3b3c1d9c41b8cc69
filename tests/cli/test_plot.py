"""`fewfire plot` draws what `fewfire train` wrote."""

import pytest

import fewfire as ff
from commands import run
from fewfire.base.curves import draw
from tags import tagged, write_xc

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    write_xc(folder / "train.txt", tagged(n=200))
    train = ("train", "train.txt", "--val-size", 40, "--max-epochs", 3, "--n-jobs", 1, "-q")
    more = ("--log", "run.csv", "--checkpoint", "checkpoint", "--json", "-o", "model")
    out, _ = run(*train, *more, cwd=folder)
    (folder / "report.json").write_text(out)
    return folder


def test_dollars_in_names_of_sets_are_no_formula():
    figure = draw([{"epoch": 1, "train/loss": 0.5, r"$\a_1$/loss": 0.3, "$b/loss": 0.2}])
    figure.canvas.draw()
    _, labels = figure.axes[0].get_legend_handles_labels()
    assert labels == ["train", r"\$\a_1\$", r"\$b"]


@pytest.mark.parametrize("source", ["run.csv", "report.json", "checkpoint"])
@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_all_that_holds_epochs_is_drawn(source, kind, start, folder):
    out, _ = run("plot", source, "-o", f"curves.{kind}", cwd=folder)
    assert f"curves.{kind}: 2 panels" in out
    assert (folder / f"curves.{kind}").read_bytes().startswith(start)
    (folder / f"curves.{kind}").unlink()


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (("model",), "model is a model without its history: give a checkpoint", 1),
        (("train.txt",), "train.txt holds no epochs: give what train --log", 1),
        (("nothing",), "nothing", 1),
        (("run.csv", "-o", "curves.txt"), "curves.txt: name it .png, .svg or .pdf", 2),
    ],
)
def test_what_cannot_be_drawn_is_said(words, message, code, folder):
    _, err = run("plot", *words, cwd=folder, code=code)
    assert message in err


def test_curves_are_those_of_the_history():
    data = tagged(n=100)
    tagger = ff.Tagger("fast", max_epochs=3, n_jobs=1).fit(data, eval_sets={"val": data[:20]})
    losses, metrics = tagger.history_.plot().axes
    (line,) = losses.lines
    assert line.get_xdata().tolist() == [1, 2, 3]
    assert line.get_ydata().tolist() == [row["train/loss"] for row in tagger.history_]
    shown = {line.get_label() for line in metrics.lines}
    assert shown == {"val P@1", "val P@3", "val P@5"}
    with pytest.raises(ValueError, match="no epochs to plot"):
        draw([])
