"""What small trainings give, to the bit: a line per training with its name and three digests.

They are of the trained model's arrays, of its predictions, gated and exact, and of its losses and
counts of work. Two versions of the library that print the same lines train and predict the same.

Digests are of what was learned, not of how a file describes it: dtype, shape and bytes of each
array, in the order of their names. One thread trains. SIMD levels sum in other orders: compare
lines of the same level, on the same machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import fewfire as ff
from fewfire import _core
from small_trainings import CASES, Case, Model


def saved_arrays(model: Model) -> Iterator[bytes]:
    """What a file of the model holds besides its description, in the order of the names."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        model.save(path)
        content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    for name, array in sorted(json.loads(content[8:start]).items()):
        if name != "__metadata__":
            begin, end = array["data_offsets"]
            yield f"{array['dtype']} {array['shape']}".encode()
            yield content[start + begin : start + end]


def predictions(case: Case) -> Iterator[bytes]:
    for exact in (False, True):
        top = case.model.predict_topk(case.X, min(5, case.model.n_outputs), exact=exact, n_jobs=1)
        yield from (top.indices.tobytes(), top.scores.tobytes())


def work(history: ff.results.History) -> Iterator[bytes]:
    """The loss of each epoch, and all that was counted."""
    yield np.array([row["train/loss"] for row in history]).tobytes()
    yield np.ascontiguousarray(history.ledger.counts).tobytes()


def digest(parts: Iterator[bytes]) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    levels = _core.simd_levels()
    parser.add_argument("--simd", choices=levels, default=_core.simd_level(), help="SIMD level")
    _core.set_simd_level(parser.parse_args().simd)
    print(f"{'# SIMD ' + _core.simd_level():<22}{'model':<18}{'predictions':<18}work")
    for name, make in CASES.items():
        case = make()
        parts = saved_arrays(case.model), predictions(case), work(case.history)
        print(f"{name:<22}{'  '.join(map(digest, parts))}")


if __name__ == "__main__":
    main()
