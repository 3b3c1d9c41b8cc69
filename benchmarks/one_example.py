"""What one example, and one text, takes through Python, beside its share of a batch of a thousand.

    python benchmarks/one_example.py
    python benchmarks/one_example.py ../shared/data/debian-depends --preset balanced

Without a folder the summaries of packages that come with fewfire are taken, which are texts.
Microseconds of CPU time in one thread, the least of some rounds.
"""

from __future__ import annotations

import argparse
import gzip
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from scipy.sparse import csr_array

import fewfire as ff
from report import report

N, K = 1000, 5
ROUNDS = 7


def main() -> None:
    options = parse()
    if options.folder is None:
        train, test = ff.datasets.packages()
        packed = files("fewfire.data").joinpath("shipped/packages-test.tsv.gz").read_bytes()
        texts = [line.split("\t")[0] for line in gzip.decompress(packed).decode().splitlines()]
    else:
        train = ff.datasets.load_xc(options.folder / "train.txt.gz")
        test, texts = ff.datasets.load_xc(options.folder / "test.txt.gz", like=train), []
    tagger = ff.Tagger(options.preset, random_state=0).fit(train)
    X = csr_array(test.X)[:N]
    rows = [X[i : i + 1] for i in range(X.shape[0])]
    figures = {"batch": best_of(lambda: ask(tagger, X)) / X.shape[0]}
    figures |= {"one": best_of(lambda: [ask(tagger, row) for row in rows]) / len(rows)}
    if texts := texts[:N]:
        figures |= {"text_batch": best_of(lambda: ask(tagger, texts)) / len(texts)}
        one = best_of(lambda: [ask(tagger, [text]) for text in texts]) / len(texts)
        figures |= {"one_text": one}
    rounded = {name: round(1e6 * seconds, 1) for name, seconds in figures.items()}
    name = "packages" if options.folder is None else options.folder.name
    report("one_example", data=name, preset=options.preset, threads=1, **rounded)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", help="debian-depends/")
    parser.add_argument("--preset", default="balanced")
    return parser.parse_args()


def ask(tagger: ff.Tagger, X: object) -> object:
    return tagger.predict_topk(X, K, n_jobs=1)


def best_of(work: Callable[[], object]) -> float:
    """Return the CPU seconds of the quickest round."""
    taken = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        work()
        taken.append(time.thread_time() - start)
    return min(taken)


if __name__ == "__main__":
    main()
