"""`fewfire export` writes what Python makes, tells what it costs, and holds to --max-loss."""

import json

import numpy as np

import fewfire as ff
from commands import run
from device_nets import DATA, NETS
from fewfire.device import quantize


def test_the_command_writes_the_image_of_what_data_uses(tmp_path):
    net = NETS["soft"]()
    net.save(tmp_path / "net.safetensors")
    ff.datasets.save_npz(tmp_path / "data.npz", DATA)
    words = ["export", "net.safetensors", "data.npz", "--format", "c", "-o", "out"]
    report = json.loads(run(*words, "--json", cwd=tmp_path)[0])
    small = quantize(net.compact(DATA).model, DATA)
    assert (tmp_path / "out" / "model.bin").read_bytes() == small.image
    assert report["image_bytes"] == len(small.image)
    assert report["accuracy"] == small.evaluate(DATA)["accuracy"]
    wide = run(*words, "--keep-all", "--bits", "4", "--max-loss", "50", cwd=tmp_path)[0]
    assert "rows: [24, 18, 5]; every one is computed" in wide
    small.save(tmp_path / "small.safetensors")
    run("export", "small.safetensors", *words[2:], cwd=tmp_path)
    assert (tmp_path / "out" / "model.bin").read_bytes() == small.image


def test_nothing_is_written_where_too_much_is_lost(tmp_path):
    NETS["dense"]().save(tmp_path / "net.safetensors")
    ff.datasets.save_npz(tmp_path / "data.npz", DATA)
    words = [
        "export",
        "net.safetensors",
        "data.npz",
        "--format",
        "c",
        "-o",
        "out",
        "--max-loss",
        "-101",
    ]
    _, err = run(*words, cwd=tmp_path, code=1)
    assert "more than --max-loss -101: nothing was written" in err
    assert not (tmp_path / "out").exists()


def test_other_commands_take_a_network_of_integers(tmp_path):
    small = quantize(NETS["dense"](), DATA)
    small.save(tmp_path / "small.safetensors")
    ff.datasets.save_npz(tmp_path / "data.npz", DATA)
    told = run("evaluate", "small.safetensors", "data.npz", cwd=tmp_path)[0]
    assert "every row" in told
    rows = run("predict", "small.safetensors", "data.npz", cwd=tmp_path)[0].splitlines()
    best = [int(row.split("\t")[0]) for row in rows]
    np.testing.assert_array_equal(best, small.predict(DATA))
    assert "Quantized(40-24-18-5, 8 bits)" in run("inspect", "small.safetensors", cwd=tmp_path)[0]
