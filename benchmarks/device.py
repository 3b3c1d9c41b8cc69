"""Small models for small devices, of trained networks: bytes, RAM, instructions and what is lost.

    python benchmarks/device.py DATA MODEL...      a line for each model, and bits of weights
    python benchmarks/device.py --mutate N         N damaged images under sanitizers

DATA is a folder of idx files, such as MNIST. Instructions are those of a Cortex-M3 of QEMU's board
mps2-an385 (arm-none-eabi-gcc -Os), means of 1,000 examples; hashes of all scores of the whole test
set are compared with numpy's on each machine that there is an emulator for.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import fewfire as ff
from fewfire.device import export_c, export_onnx, quantize

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "helpers"))
import toolchains

_ON_BOARD = 1000  # examples


def lines(path: Path, train: ff.Dataset, test: ff.Dataset) -> None:
    net = ff.load(path)
    before = net.evaluate(test)["accuracy"]
    found = net.compact(train, measure_on=test)
    rows = [len(layer.bias) for layer in found.model.layers]
    print(f"{path.name}: {before:.4f} before, rows {rows}, {len(found.model.columns)} inputs")
    print(f"  compact: {found.metrics['accuracy']:.4f}, {found.changed:.2%} of predictions changed")
    for bits in (8, 4):
        small = quantize(found.model, train, bits=bits)
        figures = small.evaluate(test)
        with tempfile.TemporaryDirectory() as folder:
            told = machines(small, test, Path(folder))
        print(
            f"  {bits} bits: {figures['accuracy']:.4f}, image {len(small.image):,} bytes, scratch "
            f"{small.integers.net.scratch_bytes:,}, {figures.ledger.total / len(test):,.0f} "
            f"multiplications, {told}",
            flush=True,
        )
    graph(found.model, test)


def machines(small, test: ff.Dataset, folder: Path) -> str:
    export_c(small, test, folder)
    x, logits = small.bytes_of(test).astype(np.uint8), small.logits(test)
    (folder / "x.bin").write_bytes(x.tobytes())
    wanted = {"examples": len(x), "hash": toolchains.hash_of(logits)}
    same = [name for name in toolchains.HOSTED if toolchains.whole(name, folder) == wanted]
    (folder / "x.bin").write_bytes(x[:_ON_BOARD].tobytes())
    board = toolchains.on_board(folder, "-DFAST")
    if board["hash"] == toolchains.hash_of(logits[:_ON_BOARD]):
        same.append("Cortex-M3")
    return (
        f"{board['instructions']:,} instructions, stack {board['stack']}, same bits on "
        f"{', '.join(same)}"
    )


def graph(net, test: ff.Dataset) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        export_onnx(net, path)
        size = path.stat().st_size
        session = onnxruntime.InferenceSession(str(path), options)
    begun = time.process_time()
    parts = np.array_split(test.X, len(test) // 1000)
    best = np.concatenate([session.run(None, {"x": part})[0].argmax(axis=1) for part in parts])
    taken = (time.process_time() - begun) / len(test)
    is_topk = any(isinstance(layer.settings.gate, ff.gates.TopK) for layer in net.layers)
    begun = time.process_time()
    own = net.predict_topk(test, 1, exact=not is_topk, n_jobs=1).indices[:, 0]
    ours = (time.process_time() - begun) / len(test)
    print(
        f"  ONNX: {size:,} bytes, {(best != own).sum()} of {len(own):,} predictions differ, "
        f"{1e6 * taken:.1f} us of CPU an example (fewfire: {1e6 * ours:.1f})",
        flush=True,
    )


def mutate(n: int) -> None:
    rng = np.random.default_rng(0)
    data = ff.Dataset(rng.random((50, 40)).astype(np.float32), rng.integers(0, 5, 50))
    net = ff.Network(
        ff.Linear(40, 12, "relu", ff.gates.TopK(0.3, soft=True)), ff.Linear(12, 5), random_state=0
    )
    for bits in (8, 4):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            export_c(quantize(net, data, bits=bits), data, folder)
            print(f"{bits} bits: tried, refused, computed:", toolchains.mutate(folder, n, bits))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--mutate", type=int, metavar="N")
    given = parser.parse_args()
    if given.mutate:
        mutate(given.mutate)
        return
    train, test = ff.datasets.load(given.data)
    for path in given.models:
        lines(path, train, test)


if __name__ == "__main__":
    main()
