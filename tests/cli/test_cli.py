"""The real command line, as a user runs it: results on stdout, one line per error, exit codes."""

import gzip
import json
import os
import signal

import numpy as np
import pytest

import fewfire as ff
from commands import HANG, run, same_bytes, start, wait_for
from fewfire import datasets
from fewfire.data import generators


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a small image set and a model trained on it through the command line."""
    folder = tmp_path_factory.mktemp("cli")
    run("data", "generate", "strokes", "images", "--n-train", 1500, "--n-test", 300, cwd=folder)
    run(*TRAIN, "-o", "model.safetensors", "--json", cwd=folder)
    return folder


TRAIN = ("train", "images", "--hidden", "200,200", "--max-epochs", 3, "--n-jobs", 1)


def test_training_learns_reports_and_is_repeatable(folder):
    out, err = run(*TRAIN, "--val-size", 300, "-o", "again.safetensors", "--json", cwd=folder)
    report = json.loads(out)
    assert report["val"]["gated"]["metrics"]["accuracy"] > 0.6
    assert report["ledger"]["share"] < 0.1
    assert len(report["history"]) == 3
    assert err.count("epoch ") == 3
    run(*TRAIN, "--val-size", 300, "-o", "third.safetensors", "-q", cwd=folder)
    assert same_bytes(folder, "again.safetensors", "third.safetensors")


def test_weights_of_16_bits_halve_the_file_and_learn_too(folder):
    out, _ = run(
        *TRAIN, "--dtype", "bfloat16", "--val-size", 300, "-o", "half.safetensors", "--json",
        cwd=folder,
    )  # fmt: skip
    assert json.loads(out)["val"]["gated"]["metrics"]["accuracy"] > 0.6
    half, whole = (folder / f"{name}.safetensors" for name in ("half", "model"))
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    described, _ = run("inspect", "half.safetensors", "--json", cwd=folder)
    assert {layer["dtype"] for layer in json.loads(described)["layers"]} == {"bfloat16"}


def test_deformed_images_are_generated_from_a_folder(folder):
    words = ("data", "generate", "deformed")
    options = ("--source", "images", "--n", 1600, "--seed", 2)
    run(*words, "deformed", *options, cwd=folder)
    train, test = datasets.mnist(folder / "images")
    got = datasets.mnist(folder / "deformed")
    expected = datasets.deformed(train, 1600, random_state=2)
    for part, data in zip(got, (expected, test), strict=True):
        np.testing.assert_array_equal(part.X, data.X)
        np.testing.assert_array_equal(part.y, data.y)
    _, err = run(*words, "nowhere", "--n", 10, cwd=folder, code=2)
    assert "deformed needs --source FOLDER" in err
    run(*words, "nowhere", *options, "--n-test", 10, cwd=folder, code=2)
    run("data", "generate", "convex", "nowhere", *options, cwd=folder, code=2)


@pytest.mark.parametrize("variation", generators.VARIATIONS)
def test_variations_are_generated_from_a_folder(folder, variation):
    words = ("data", "generate", f"mnist-{variation.replace('_', '-')}")
    options = ("--n-train", 60, "--n-test", 40, "--seed", 3)
    photographs = ()
    if variation in generators.ON_PHOTOGRAPHS:
        io = pytest.importorskip("skimage.io")
        photographs = ("--photographs", "photographs")
        (folder / "photographs").mkdir(exist_ok=True)
        for i in range(2):
            noise = np.random.default_rng(i).integers(256, size=(40, 40), dtype=np.uint8)
            io.imsave(folder / "photographs" / f"{i}.png", noise, check_contrast=False)
    run(*words, variation, "--source", "images", *options, *photographs, cwd=folder)
    expected = datasets.mnist_variation(
        folder / "images", variation, n_train=60, n_test=40, random_state=3,
        photographs=folder / photographs[1] if photographs else None,
    )  # fmt: skip
    for part, data in zip(datasets.mnist(folder / variation), expected, strict=True):
        np.testing.assert_array_equal(part.X, data.X)
        np.testing.assert_array_equal(part.y, data.y)


def test_variations_that_cannot_be_made_are_refused_in_a_line(folder):
    words = ("data", "generate", "mnist-rotated", "nowhere")
    _, err = run(*words, "--n-train", 10, cwd=folder, code=2)
    assert "mnist-rotated needs --source FOLDER" in err
    _, err = run(*words, "--source", "images", "--photographs", "images", cwd=folder, code=2)
    assert "mnist-rotated needs no photographs" in err
    _, err = run(*words, "--source", "images", cwd=folder, code=1)
    assert "images holds 1,800: ask for fewer" in err
    assert len(err.splitlines()) == 1
    assert not (folder / "nowhere").exists()


def test_evaluating_and_predicting_agree_with_the_library(folder):
    net, (_, test) = ff.load(folder / "model.safetensors"), datasets.mnist(folder / "images")
    out, _ = run("evaluate", "model.safetensors", "images", "--json", cwd=folder)
    assert json.loads(out)["metrics"] == dict(net.evaluate(test))
    out, _ = run("evaluate", "model.safetensors", "images", "--exact", "--json", cwd=folder)
    assert json.loads(out)["metrics"] == dict(net.evaluate(test, exact=True))
    out, _ = run("predict", "model.safetensors", "images", "-k", 2, cwd=folder)
    rows = [line.split("\t") for line in out.splitlines()]
    top = net.predict_topk(test, 2)
    assert [[int(row[0]), int(row[2])] for row in rows] == top.indices.tolist()
    np.testing.assert_allclose([float(row[1]) for row in rows], top.scores[:, 0], rtol=1e-5)


def test_a_table_shows_both_ways_to_evaluate(folder):
    out, _ = run("evaluate", "model.safetensors", "images", cwd=folder)
    assert "through the gates" in out
    assert "every row" in out


def test_inspecting_names_the_layers(folder):
    out, _ = run("inspect", "model.safetensors", cwd=folder)
    assert "784 -> 200" in out
    out, _ = run("inspect", "model.safetensors", "--json", cwd=folder)
    assert len(json.loads(out)["layers"]) == 3


def test_a_toml_file_holds_the_options_and_the_command_line_overrides_them(folder):
    (folder / "run.toml").write_text(
        'data = "images"\nhidden = [64]\ngate = "topk"\ndensity = 0.25\nmax-epochs = 2\n'
        "n_jobs = 1\nsoft = true\n"
    )
    run("train", "run.toml", "--max-epochs", 1, "-o", "toml.safetensors", "-q", cwd=folder)
    net = ff.load(folder / "toml.safetensors")
    assert net.layers[0].settings.gate == ff.gates.TopK(density=0.25, soft=True)
    assert [layer.settings.out_features for layer in net.layers] == [64, 10]


def test_svmlight_text_goes_through_every_command_by_its_own_names(folder):
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(400):
        x = rng.normal(size=3)
        lines.append(f"{'+1' if x[0] > 0 else '-1'} 1:{x[0]:.3f} 2:{x[1]:.3f} 5:{x[2]:.3f}")
    with gzip.open(folder / "train.txt.gz", "wt") as file:
        file.write("\n".join(lines))
    (folder / "new.txt").write_text("0 1:2.5\n0 1:-2.5\n")  # targets that training never saw
    run("train", "train.txt.gz", "--hidden", "8", "--gate", "all", "--batch-size", 4,
        "--max-epochs", 10, "-o", "text.safetensors", "-q", cwd=folder)  # fmt: skip
    out, _ = run("predict", "text.safetensors", "new.txt", cwd=folder)
    assert [line.split("\t")[0] for line in out.splitlines()] == ["1", "-1"]
    run("data", "convert", "train.txt.gz", "train.npz", cwd=folder)
    out, _ = run("evaluate", "text.safetensors", "train.npz", "--json", cwd=folder)
    assert json.loads(out)["metrics"]["accuracy"] > 0.95


def test_label_lists_train_and_report_precision(folder):
    rng = np.random.default_rng(0)
    lines = ["300 6 6"]
    for label in rng.integers(0, 5, size=300):
        lines.append(f"{label},{label + 1} {label}:1")
    (folder / "many.txt").write_text("\n".join(lines))
    run("train", "many.txt", "--hidden", "16", "--gate", "all", "--batch-size", 4,
        "--max-epochs", 40, "-o", "many.safetensors", "-q", cwd=folder)  # fmt: skip
    command = ("evaluate", "many.safetensors", "many.txt", "--metrics", "P@1,P@2", "--json")
    out, _ = run(*command, cwd=folder)
    assert json.loads(out)["metrics"]["P@1"] > 0.95
    command = ("evaluate", "many.safetensors", "many.txt", "--metrics", "P@1,nDCG@3,PSP@2")
    options = ("--propensity", "0.6,2.6", "--groups")
    out, _ = run(*command, *options, "--json", cwd=folder)
    report = json.loads(out)
    net = ff.load(folder / "many.safetensors")
    data = datasets.load(folder / "many.txt")
    names = ["P@1", "nDCG@3", "PSP@2"]
    assert report["metrics"] == dict(net.evaluate(data, names, propensity=(0.6, 2.6)))
    groups = net.recall_by_group(data, 5)
    assert {name: group["recall"] for name, group in report["groups"].items()} == {
        name: group.recall for name, group in groups.items()
    }
    assert sum(group["n_labels"] for group in report["groups"].values()) == 6
    assert sum(group["n_occurrences"] for group in report["groups"].values()) == 600
    out, _ = run(*command, cwd=folder)
    assert "head" not in out
    out, _ = run(*command, *options, cwd=folder)
    assert [line.split()[0] for line in out.splitlines()[-3:]] == ["head", "torso", "tail"]
    assert f"{groups['tail'].recall:.4f}" in out.splitlines()[-1]


def test_groups_are_shown_both_ways(folder):
    out, _ = run("evaluate", "model.safetensors", "images", "--groups", cwd=folder)
    header = out.splitlines()[-4]
    assert header.split(maxsplit=3) == [
        "group", "labels", "occurrences", "through the gates  every row"
    ]  # fmt: skip


def test_a_resumed_run_ends_with_the_same_bits(folder):
    options = (*TRAIN[:-4], "--n-jobs", 1, "--max-epochs", 2, "-q")
    run(*options, "-o", "whole.safetensors", cwd=folder)
    process = start(*options, "--checkpoint", "part.safetensors", cwd=folder)
    wait_for((folder / "part.safetensors").exists, process)
    process.kill()
    process.communicate()
    run(*options, "--resume", "part.safetensors", "-o", "rest.safetensors", cwd=folder)
    assert same_bytes(folder, "whole.safetensors", "rest.safetensors")


def test_ctrl_c_keeps_what_was_learned(folder):
    process = start(*TRAIN[:-4], "--max-epochs", 10_000, "--checkpoint", "c.safetensors",
                    "-o", "kept.safetensors", cwd=folder)  # fmt: skip
    wait_for((folder / "c.safetensors").exists, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=HANG)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert ff.load(folder / "kept.safetensors").n_outputs == 10


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("auto", ["50 (5.0%)", "Hashed()"]),
        ("auto --density 0.001 --hidden 8000", ["family=Centroid(", "density=0.001"]),
        ("kdd2017 --density 0.1", ["family=SimHash(", "probes=10", "density=0.1"]),
        ("slide", ["n_bits=9", "density=0.005"]),
    ],
)
def test_presets_make_the_gates_of_the_hidden_layers(folder, words, expected):
    _, err = run("train", "images", "--max-epochs", 1, "--gate", *words.split(), cwd=folder)
    assert all(part in err for part in expected), err


def test_monitored_gates_are_told_by_epoch_and_layer(folder):
    out, err = run(*TRAIN, "--monitor-gates", 50, "--json", cwd=folder)
    rows = json.loads(out)["gates"]
    assert [(row["epoch"], row["layer"]) for row in rows] == [
        (e, i) for e in range(4) for i in (0, 1)
    ]
    assert [row["consistency"] is None for row in rows] == [True] * 2 + [False] * 6
    told = [line for line in err.splitlines() if line.startswith("  layer ") and "consis" in line]
    assert told == [
        f"  layer {row['layer']}: consistency {row['consistency']:.3f}, "
        f"recall {row['recall']:.3f}, rows in use {200 - row['never_chosen']} of 200"
        for row in rows[2:]
    ]
    words = ("--monitor-gates", 50, "--val-size", 300, "--json", "-q", "-o", "monitored")
    out, err = run(*TRAIN, *words, cwd=folder)
    assert err == ""
    held_out = datasets.mnist(folder / "images")[0].hold_out(300)[1]
    net = ff.load(folder / "monitored")
    assert json.loads(out)["gates"][-1]["recall"] == net.table_stats(held_out[:50])[1].recall
    out, _ = run(*TRAIN, "--json", "-q", cwd=folder)
    assert "gates" not in json.loads(out)


ERRORS = {
    "no such data": ("train nothing", 1, "nothing"),
    "no such model": ("evaluate nothing images", 1, "no such file: nothing"),
    "a model that is none": ("inspect junk", 1, "junk is damaged"),
    "a folder as model": ("inspect images", 1, "images is a folder"),
    "data of another width": ("predict model.safetensors narrow.npz", 1, "3"),
    "a density above 1": ("train images --density 1.5", 1, "density must be"),
    "a width of 0": ("train images --hidden 10,0", 2, "widths"),
    "an option of another gate": ("train images --gate all --density 0.1", 2, "--density"),
    "an option that a preset settles": (
        "train images --gate kdd2017 --n-bits 3", 2, "kdd2017 settles --n-bits"
    ),
    "a beta for another gate": ("train images --beta 1", 2, "hashed has no option --beta"),
    "a rowwise sgd": (
        "train images --optimizer sgd --rowwise", 2, "sgd has no option --rowwise"
    ),
    "an option without its optimizer": ("train images --lr 0.1", 2, "--optimizer"),
    "an option of another family": (
        "train images --n-bits 3", 2, "sign has no option --n-bits"
    ),
    "an unknown option": ("train images --no-such-thing", 2, "no-such-thing"),
    "an unknown name in TOML": ("train bad.toml", 2, "widht"),
    "a number for a flag in TOML": ("train flag.toml", 2, "'7' is not a valid boolean"),
    "a flag for a number in TOML": ("train number.toml", 2, "'true' is not a valid float"),
    "TOML that is none": ("train broken.toml", 2, "broken.toml"),
    "an output folder that is not there": ("train images -o no/where.safetensors", 2, "no folder"),
    "too many best rows": ("predict model.safetensors images -k 11", 1, "k must be"),
    "an unknown metric": ("evaluate model.safetensors images --metrics F1", 1, "F1"),
    "half a propensity": ("evaluate model.safetensors images --propensity 1", 2, "two numbers"),
    "a propensity below 0": (
        "evaluate model.safetensors images --metrics PSP@1 --propensity 1,-1", 1, "b must be above"
    ),
    "a validation set larger than the data": ("train images --val-size 5000", 1, "held out"),
    "text with an error": ("train wrong.txt", 1, "line 2, column 5"),
    "unlabelled data": ("train plain.npy", 1, "labels"),
    "an empty file": ("train empty", 1, "no examples"),
    "bytes": ("train junk", 1, "no known format"),
    "a rate that diverges": (
        "train images --gate all --optimizer sgd --lr 1e30 --hidden 8 -q -o m", 1, "smaller lr"
    ),
    "gates to monitor where there are none": (
        "train images --gate topk --monitor-gates 50", 1, "no layer of the network is hashed"
    ),
    "a look at no examples": ("train images --monitor-gates 0", 2, "--monitor-gates"),
    "a study of files without a folder": (
        "reproduce kdd2017 --data mnist", 1, "--data mnist=FOLDER"
    ),
    "a study of nothing": ("reproduce kdd2017 --data strokes,", 1, "needs a name"),
    "a study into a file": ("reproduce kdd2017 --out model.safetensors", 1, "give --out a folder"),
    "a study by an unknown method": ("reproduce kdd2017 --methods NN,XY", 2, "no XY"),
    "a study at no density": ("reproduce kdd2017 --density 0.05,0", 2, "above 0"),
    "threads without the hashed net": (
        "reproduce kdd2017 --data strokes --methods NN --parts threads", 2, "needs NN and LSH"
    ),
    "patience without data": ("train images --patience 2", 2, "--val"),
    "a checkpoint of another run": (
        "train images --hidden 8 --resume model.safetensors", 1, "training state"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_bad_input_gets_one_line_and_leaves_nothing_behind(folder, name):
    words, code, expected = ERRORS[name]
    (folder / "junk").write_bytes(b"\x01\x00junk" * 100)
    (folder / "empty").write_bytes(b"")
    (folder / "wrong.txt").write_text("1 1:2\n1 2:x\n")
    (folder / "bad.toml").write_text('data = "images"\nwidht = 3\n')
    (folder / "flag.toml").write_text('data = "images"\nrowwise = 7\n')
    (folder / "number.toml").write_text('data = "images"\nlr = true\n')
    (folder / "broken.toml").write_text("data = \n")
    np.savez(folder / "narrow.npz", X=np.zeros((2, 3)), y=[0, 1])
    np.save(folder / "plain.npy", np.zeros((2, 3)))
    before = sorted(os.listdir(folder))
    out, err = run(*words.split(), cwd=folder, code=code)
    assert out == ""
    assert expected in err
    assert len(err.splitlines()) == 1 or code == 2 or "epoch" in err or "Dataset" in err
    assert sorted(os.listdir(folder)) == before


def test_a_reader_that_has_seen_enough_is_no_error(folder):
    process = start("predict", "model.safetensors", "images", cwd=folder)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=HANG)
    assert "Traceback" not in err
    assert "Exception" not in err


def test_quickstart_of_text_goes_the_whole_way(tmp_path):
    out, err = run("quickstart", "--text", "--json", cwd=tmp_path)
    report = json.loads(out)
    assert min(each["metrics"]["P@1"] for each in report["taggers"].values()) > 0.94
    assert "3 trees, 8 epochs" in err
    assert "Settings(" not in err
    asked = report["predictions"]["library to parse PDF files in Python"]
    assert "works-with-format::pdf" in [name for name, _ in asked]
    assert (tmp_path / report["model"]).exists()
    _, err = run("quickstart", "--text", "--epochs", 2, cwd=tmp_path, code=2)
    assert "--text trains taggers, which have no --epochs" in err


def test_quickstart_goes_the_whole_way(tmp_path):
    out, _ = run("quickstart", "--epochs", 1, "--json", cwd=tmp_path)
    report = json.loads(out)
    assert {name.split(",")[0] for name in report["networks"]} == {"dense", "hashed"}
    hashed = report["networks"]["hashed, 5%"]
    assert hashed["training"]["share"] < 0.05
    assert hashed["gated"]["metrics"]["accuracy"] > 0.8
    assert ff.load(tmp_path / report["model"]).n_outputs == 10
