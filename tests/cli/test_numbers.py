"""Whatever number an option gets, the answer is a result or a line that names it; never a fault."""

import click
import numpy as np
import pytest

import fewfire as ff
from fewfire import cli
from fewfire.base.checks import n_bytes_of

ODD = ["nan", "inf", "-inf", "-1", "0", "1e400", str(2**63), "", "x", "0.5", "9" * 5000]
SOURCES = {"train": "data.npz", "evaluate": "net data.npz", "predict": "net data.npz",
           "inspect": "net --tables --data data.npz", "generate": "convex made",
           "quickstart": "-o made.safetensors --epochs 1"}  # fmt: skip
# What must be given besides for an option to be honoured.
NEEDED = {
    "propensity": "--metrics PSP@1",
    **dict.fromkeys(["explore"], "--hard"),
    **dict.fromkeys(["n_bits", "redraw_every"], "--family simhash"),
    "n_hashes": "--family minhash",
    **dict.fromkeys(["norm_powers", "largest_norm"], "--family simhash --mips sign-alsh"),
    **dict.fromkeys(["n_cells", "probes", "refresh_growth"], "--family centroid"),
    **dict.fromkeys(["n_tables", "refresh_every"], "--family simhash"),
    "drift": "--family simhash --refresh drift",
    **dict.fromkeys(["candidates", "negatives", "head", "thin"], "--output-rows hashed"),
    "momentum": "--optimizer sgd",
    **dict.fromkeys(["beta1", "beta2"], "--optimizer adam"),
    **dict.fromkeys(["rho", "eps"], "--optimizer rms"),
    "initial": "--optimizer adagrad",
    **dict.fromkeys(["lr", "l2"], "--optimizer sgd"),
    "final": "--schedule cosine",
    **dict.fromkeys(["n_drops", "factor"], "--schedule step"),
    "rise": "--schedule onecycle",
    "warmup": "--schedule linear",
    **dict.fromkeys(["input_dropout", "dropout"], "--bag 4"),
    "beta": "--gate adaptivedropout",
    "patience": "--val-size 9",
}
ENDLESS = {"max_epochs", "epochs", "n_train", "n_test"}  # where a large number is honest


NUMERIC = click.types.IntParamType | click.types.FloatParamType
TAKEN_APART = ("n_jobs", "memory", "propensity", "hidden")


def numeric():
    for command in (*cli.commands.commands.values(), *cli.data.commands.values()):
        for option in command.params:
            if isinstance(option.type, NUMERIC) or option.name in TAKEN_APART:
                yield command.name, option


CASES = [each for each in numeric() if each[0] in SOURCES]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).random((40, 6)).astype(np.float32)
    data = ff.Dataset(X, np.arange(40) % 3)
    ff.datasets.save_npz("data.npz", data)
    net = ff.Network(ff.Linear(6, 8, "relu", ff.Hashed()), ff.Linear(8, 3))
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(data)
    net.save("net")
    return tmp_path


def names(option):
    plain = option.opts[0].lstrip("-")
    return [option.opts[-1], option.name, plain, plain.replace("-", "_"), "n_last", "width"]


def test_every_kind_of_command_with_numbers_is_tried():
    assert {command for command, _ in CASES} == set(SOURCES)


@pytest.mark.parametrize(
    ("command", "option"), CASES, ids=[f"{command} {option.opts[-1]}" for command, option in CASES]
)
def test_odd_numbers_are_refused_by_name_or_taken(command, option, folder, capsys):
    if command in ("generate", "quickstart"):
        odd = [value for value in ODD if value not in ("0", "0.5", str(2**63))]
    else:
        odd = ODD
    for value in odd:
        words = [*SOURCES[command].split(), *NEEDED.get(option.name, "").split()]
        if command == "train":
            words += ["--max-epochs", "1", "-q"]
        front = ["data", command] if command == "generate" else [command]
        if option.name in ENDLESS and value.isdigit() and value != "0":
            continue
        code = cli.run([*front, *words, option.opts[-1], value])
        err = capsys.readouterr().err
        assert code in (0, 1, 2), (value, err)
        if value in ("nan", "inf", "-inf", "1e400", "x"):
            assert code, value
        if code:
            last = err.splitlines()[-1]
            assert any(name in last for name in names(option)), (value, last)
            assert len(err.splitlines()) == 1 or code == 2


@pytest.mark.parametrize("size", ["9" * 400, "9" * 400 + "T", "nan", "inf", "-1", "0", "1e400", ""])
def test_sizes_that_are_none_are_refused(size):
    with pytest.raises(ValueError, match="memory must be a size"):
        n_bytes_of(size)


TOML = {
    "infinite widths": ("hidden = [inf]", "widths"),
    "widths between": ("hidden = [2.5]", "widths"),
    "a date": ("lr = 1979-05-27", "lr is not text, number"),
    "a table": ("[lr]\na = 1", "lr is not text, number"),
    "a list": ("lr = [1, 2]", "lr is not text, number"),
    "nested lists": ("hidden = [[1]]", "widths"),
    "a table as a path": ('output = {a = "b"}', "output is not text"),
    "an infinite share": ("density = inf", "density"),
    "a number of a thousand digits": (f"max_epochs = 0x{'f' * 9000}", "max_epochs"),
    "a number of ten thousand digits": (f"max_epochs = {'9' * 9000}", "run.toml"),
    "a deep list": (f"hidden = {'[' * 5000}", "run.toml"),
    "epochs beyond counting": (f"max_epochs = {2**31}", "max-epochs"),
    "bytes": ("\x00", "run.toml"),
}


@pytest.mark.parametrize("name", TOML)
def test_odd_values_in_a_settings_file_are_refused_by_name(name, folder, capsys):
    text, expected = TOML[name]
    (folder / "run.toml").write_text(f'data = "data.npz"\n{text}\n')
    assert cli.run(["train", "run.toml"]) == 2
    err = capsys.readouterr().err
    assert expected in err.splitlines()[-1]
    assert "epoch 1/" not in err


def test_a_fault_of_the_program_is_told_as_one(monkeypatch, capsys):
    def fail(*args, **more):
        raise KeyError("what\x1b")

    monkeypatch.setattr("fewfire.datasets.load", fail)
    assert cli.run(["train", "x"]) == cli.FAULT
    (line,) = capsys.readouterr().err.splitlines()
    assert "a fault of its own" in line
    assert r"KeyError: 'what\x1b'" in line
    monkeypatch.setenv("FEWFIRE_TRACEBACK", "1")
    assert cli.run(["train", "x"]) == cli.FAULT
    assert "Traceback" in capsys.readouterr().err
