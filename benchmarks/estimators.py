"""The estimators of `fewfire.sklearn` beside others on small tables, all with their defaults.

Data sets are those that come with scikit-learn, three quarters of each to train on, and a part of
debian-depends: the first rows, its most frequent features and labels. Seeds draw the split and the
start. CPU seconds are of `fit`, choices of settings included. A multi-layer perceptron gets
standardised columns, which it wants; the others read tables as they are.

    python benchmarks/estimators.py [--debian-depends FOLDER] [--lines FILE]
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fewfire as ff
from fewfire.sklearn import HashedClassifier, HashedRegressor, TaggerClassifier
from report import report

N_TRAIN, N_TEST, N_FEATURES, N_LABELS = 3000, 1000, 2000, 100  # of debian-depends


class Task(NamedTuple):
    """A set, split, and what is measured on it."""

    name: str
    train: tuple[Any, Any]
    test: tuple[Any, Any]
    measure: str  # "accuracy", "R2" or "P@1"


def table(name: str, load: Callable[..., Any], measure: str, seed: int) -> Task:
    """A set of scikit-learn."""
    X, y = load(return_X_y=True)
    classes = None if measure == "R2" else y
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.25, random_state=seed, stratify=classes
    )
    return Task(name, (X_train, y_train), (X_test, y_test), measure)


def depends(folder: Path, seed: int) -> Task:
    """Some packages, as a list of labels each."""
    train = ff.datasets.load_xc(folder / "train.txt.gz")
    rows = np.random.default_rng(seed).permutation(len(train))[: N_TRAIN + N_TEST]
    X, Y = csr_array(train.X)[rows], csr_array(train.y)[rows]
    words = np.sort(np.argsort(-X.count_nonzero(axis=0), kind="stable")[:N_FEATURES])
    labels = np.sort(np.argsort(-np.asarray(Y.sum(axis=0)), kind="stable")[:N_LABELS])
    X, Y = X[:, words], Y[:, labels].toarray().astype(int)
    cut = slice(N_TRAIN), slice(N_TRAIN, None)
    return Task("debian-depends, a part", (X[cut[0]], Y[cut[0]]), (X[cut[1]], Y[cut[1]]), "P@1")


def models(task: Task, seed: int) -> dict[str, Any]:
    """The estimators that can do a task, with their defaults, on one thread."""
    scale = StandardScaler(with_mean=task.measure != "P@1")  # sparse columns keep their zeros
    if task.measure == "R2":
        return {
            "HashedRegressor": HashedRegressor(random_state=seed),
            "MLPRegressor": make_pipeline(scale, MLPRegressor(random_state=seed)),
            **boosted("LGBMRegressor", seed),
        }
    several = task.measure == "P@1"
    return {
        "HashedClassifier": HashedClassifier(random_state=seed),
        "TaggerClassifier": TaggerClassifier(random_state=seed),
        "MLPClassifier": make_pipeline(scale, MLPClassifier(random_state=seed)),
        **({} if several else boosted("LGBMClassifier", seed)),  # one label alone
    }


def boosted(name: str, seed: int) -> dict[str, Any]:
    """An estimator of LightGBM, where that is installed."""
    try:
        import lightgbm
    except ImportError:
        return {}
    return {name: getattr(lightgbm, name)(random_state=seed, n_jobs=1, verbose=-1)}


def quality(model: Any, task: Task) -> float:
    """What a model reaches on the test part."""
    X, y = task.test
    if task.measure != "P@1":
        return float(model.score(X, y))
    best = np.asarray(model.predict_proba(X)).argmax(axis=1)
    has_label = y.any(axis=1)
    return float(y[np.arange(len(y)), best][has_label].mean())


def run(task: Task, seed: int) -> list[dict[str, Any]]:
    """Train and measure every model on a task."""
    lines = []
    for name, model in models(task, seed).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a perceptron that has not converged, and names
            start = time.process_time()
            model.fit(*task.train)
            seconds = time.process_time() - start
            found = quality(model, task)
        figures = {"set": task.name, "model": name, "seed": seed, "measure": task.measure}
        rounded = {"quality": round(found, 4), "cpu_seconds": round(seconds, 2)}
        lines.append(report("estimators", threads=1, **figures, **rounded))
    return lines


def as_table(lines: Sequence[dict[str, Any]]) -> str:
    """Means over seeds, the least and the most in brackets."""
    rows = ["| set | model | measured | quality | CPU s |", "| --- | --- | --- | --- | --- |"]
    for key in dict.fromkeys((x["set"], x["model"], x["measure"]) for x in lines):
        own = [x for x in lines if (x["set"], x["model"], x["measure"]) == key]
        found = [x["quality"] for x in own]
        seconds = mean(x["cpu_seconds"] for x in own)
        spread = f"{mean(found):.3f} ({min(found):.3f} to {max(found):.3f})"
        rows.append(f"| {' | '.join(key)} | {spread} | {seconds:.1f} |")
    return "\n".join(rows)


def main() -> None:
    """Run all and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--debian-depends", type=Path, help="its folder")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--lines", type=Path, help="file that every result is appended to")
    options = parser.parse_args()
    lines = []
    for seed in range(options.seeds):
        tasks = [
            table("digits", load_digits, "accuracy", seed),
            table("breast cancer", load_breast_cancer, "accuracy", seed),
            table("diabetes", load_diabetes, "R2", seed),
        ]
        if options.debian_depends is not None:
            tasks.append(depends(options.debian_depends, seed))
        for task in tasks:
            for line in run(task, seed):
                lines.append(line)
                if options.lines is not None:
                    with open(options.lines, "a") as file:
                        print(json.dumps(line), file=file)
    print(as_table(lines))


if __name__ == "__main__":
    main()
