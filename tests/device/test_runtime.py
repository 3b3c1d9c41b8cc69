"""The runtime of C computes what numpy does, to the bit, wherever it is compiled for."""

import subprocess

import numpy as np
import pytest

from device_nets import DATA, NETS, trained
from fewfire.device import export_c, quantize
from toolchains import HOSTED, M3, RUNTIME, WARNINGS, hash_of, mutate, need, on_board, run, whole


def exported(name, bits, folder):
    small = quantize(NETS[name](), DATA, bits=bits)
    export_c(small, DATA, folder)
    x = small.bytes_of(DATA).astype(np.uint8)
    (folder / "x.bin").write_bytes(x.tobytes())
    return {"examples": len(x), "hash": hash_of(small.logits(DATA))}


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("name", NETS)
def test_c_computes_the_same_bits(name, bits, tmp_path):
    wanted = exported(name, bits, tmp_path)
    assert whole("gcc", tmp_path) == wanted


@pytest.mark.parametrize("target", [name for name in HOSTED if name != "gcc"])
def test_other_compilers_and_machines_compute_the_same_bits(target, tmp_path):
    for bits in (8, 4):
        wanted = exported("hashed, three hidden layers", bits, tmp_path)
        assert whole(target, tmp_path) == wanted


def test_a_bare_cortex_m3_computes_the_same_bits_in_little_stack(tmp_path):
    for bits in (8, 4):
        wanted = exported("compact", bits, tmp_path)
        found = on_board(tmp_path, "-DFAST")
        assert {name: found[name] for name in wanted} == wanted
        assert found["stack"] <= 512
        on_board(tmp_path)


def test_the_code_is_small_and_calls_nothing_of_a_library(tmp_path):
    need(M3[0], "arm-none-eabi-size", "arm-none-eabi-nm")
    run([*M3, *WARNINGS, "-c", RUNTIME / "fewfire.c", "-o", "f.o"], tmp_path)
    size = int(run(["arm-none-eabi-size", "f.o"], tmp_path).splitlines()[1].split()[0])
    assert size <= 2048
    symbols = run(["arm-none-eabi-nm", "-u", "f.o"], tmp_path).split()
    assert [name for name in symbols if name not in ("U", "memcpy")] == []


def test_the_exported_test_passes_and_notices_other_weights(tmp_path):
    need("cc")
    exported("soft", 8, tmp_path)
    build = ["cc", *WARNINGS, "-o", "t", "test.c", "fewfire.c", "model.c"]
    run(build, tmp_path)
    run(["./t"], tmp_path)
    other = quantize(trained(seed=1), DATA)
    text = (tmp_path / "vectors.h").read_text()
    export_c(other, DATA, tmp_path)
    (tmp_path / "vectors.h").write_text(text)
    run(build, tmp_path)
    assert subprocess.run([tmp_path / "t"]).returncode == 3


def test_a_limit_of_ram_is_held_when_compiling(tmp_path):
    need("cc")
    exported("dense", 8, tmp_path)
    build = ["cc", "-std=c99", "-c", "model.c", "-o", "m.o"]
    run([*build, "-DMODEL_RAM_LIMIT=1000"], tmp_path)
    failed = subprocess.run(
        [*build, "-DMODEL_RAM_LIMIT=100"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "more RAM than MODEL_RAM_LIMIT" in failed.stderr


def test_mutated_images_are_refused_or_computed_within_their_bounds(tmp_path):
    exported("compact", 4, tmp_path)
    tried, refused, computed = mutate(tmp_path, 5000, seed=1)
    assert tried == refused + computed == 5000
    assert refused > 2500
    assert computed > 50
