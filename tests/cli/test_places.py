"""No command writes to a file that it reads, or to one file twice; nothing has changed then."""

import os

import pytest

import fewfire as ff
from fewfire import cli, datasets
from tags import tagged, write_xc

TRAIN = "train data.txt --preset fast --max-epochs 1 --n-jobs 1 -q"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("places")
    write_xc(folder / "data.txt", tagged(n=60))
    write_xc(folder / "val.txt", tagged(n=30, seed=1))
    (folder / "labels").write_text("".join(f"tag {i}\n" for i in range(40)))
    (folder / "run.toml").write_text('data = "data.txt"\npreset = "fast"\nmax_epochs = 1\n')
    train, test = datasets.rectangles(n_train=20, n_test=10)
    datasets.save_idx_folder(folder / "images", train, test)
    datasets.save_npz(folder / "data.npz", train)
    (folder / "link").symlink_to("data.txt")
    os.link(folder / "data.txt", folder / "twin")
    return folder


@pytest.fixture(autouse=True)
def folder(made, monkeypatch):
    monkeypatch.chdir(made)
    return made


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (f"{TRAIN} -o data.txt", "data.txt is DATA"),
        (f"{TRAIN} -o ./images/../data.txt", "data.txt is DATA"),
        (f"{TRAIN} -o link", "link is DATA"),
        (f"{TRAIN} -o twin", "twin is DATA"),
        (f"{TRAIN} --checkpoint data.txt", "overwritten by --checkpoint"),
        (f"{TRAIN} --checkpoint link", "overwritten by --checkpoint"),
        (f"{TRAIN} --val val.txt -o val.txt", "val.txt is --val"),
        (f"{TRAIN} --labels labels -o labels", "labels is --labels"),
        (f"{TRAIN} --features labels -o labels", "labels is --features"),
        (f"{TRAIN} --resume old -o old", "old is --resume"),
        (f"{TRAIN} --resume data.txt.safetensors", "overwritten by the model: add -o FILE"),
        (f"{TRAIN} --checkpoint data.txt.safetensors", "overwritten by --checkpoint: add -o FILE"),
        (f"{TRAIN} --checkpoint new -o new", "new is -o"),
        (f"{TRAIN} --checkpoint new -o ./new", "new is -o"),
        ("train run.toml -o run.toml", "run.toml is the settings"),
        ("train run.toml -o data.txt", "data.txt is DATA"),
        ("train images -o images/train-images-idx3-ubyte.gz", "is DATA"),
        ("convert data.txt data.txt", "data.txt is TEXT"),
        ("convert data.txt link", "link is TEXT"),
        ("convert data.txt val.txt --like val.txt", "val.txt is --like"),
        ("convert data.txt labels --labels labels", "labels is --labels"),
        ("data convert data.npz data.npz", "data.npz is SOURCE"),
        ("data convert data.txt val.txt --like val.txt", "val.txt is --like"),
        ("data generate deformed images --source images", "images is --source"),
        ("data generate mnist-rotated images --source images", "images is --source"),
    ],
)
def test_what_is_read_is_not_overwritten(folder, capsys, words, named):
    before = contents(folder)
    assert cli.run(words.split()) == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert named in line
    assert "overwritten" in line
    assert contents(folder) == before


def test_a_training_goes_on_where_it_was_written(folder):
    words = TRAIN.split()
    assert cli.run([*words, "--checkpoint", "c", "-o", "m"]) == 0
    assert cli.run([*words, "--checkpoint", "c", "--resume", "c", "-o", "m"]) == 0
    assert ff.load("m").n_outputs == 40


def test_a_model_may_be_replaced_in_the_folder_that_is_read(folder):
    words = ["train", "images", "--hidden", "4", "--max-epochs", "1", "-q", "-o", "images/model"]
    assert cli.run(words) == 0
    assert cli.run(words) == 0
