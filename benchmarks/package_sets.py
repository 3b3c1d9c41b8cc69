"""Sets of short texts, from the package index of Debian: what the packages of one line each are.

    lz4 -dc /var/lib/apt/lists/*_main_binary-amd64_Packages.lz4 > packages.txt

A row is a package. Its features are the words of its name and of its summary, the one line of its
description: lower-case runs of letters and digits that two training rows have or more, weighted by
count x (ln((1 + n) / (1 + df)) + 1), rows of unit length. Its labels are one of:

- `needs`: the packages in Depends and Recommends, without alternatives and versions;
- `tags`: its debtags, such as implemented-in::c;
- `maintainer`: who maintains it, one class each.

Labels of fewer than two training rows are left out, and rows without a label. Packages whose source
has a crc32 that leaves 0 when divided by 10 are the test set: no source is on both sides.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

import fewfire as ff

WORD = re.compile(r"[^\W_]+")
Fields = dict[str, str]


def needs(fields: Fields) -> list[str]:
    groups = ",".join(fields.get(name, "") for name in ("Depends", "Recommends")).split(",")
    found = (re.split(r"[\s|(\[:<]", group.strip(), maxsplit=1)[0] for group in groups)
    return [name for name in dict.fromkeys(found) if name]


def tags(fields: Fields) -> list[str]:
    found = (tag.strip() for tag in fields.get("Tag", "").split(","))
    return [tag for tag in dict.fromkeys(found) if tag]


def maintainer(fields: Fields) -> list[str]:
    return [fields["Maintainer"]]


LABELS: dict[str, Callable[[Fields], list[str]]] = {
    "needs": needs,
    "tags": tags,
    "maintainer": maintainer,
}


@dataclass(frozen=True)
class Package:
    words: Counter[str]
    labels: list[str]
    source: int  # crc32 of its name


def read(index: Path, kind: str) -> list[Package]:
    """Return the packages that have labels of a kind, in the order of a hash of their names."""
    found = []
    for fields in stanzas(index):
        labels = LABELS[kind](fields)
        if labels:
            name, text = fields["Package"], fields.get("Description", "")
            source = fields.get("Source", name).split()[0]
            words = Counter(WORD.findall(f"{name} {text}".lower()))
            found.append((zlib.crc32(name.encode()), name, words, labels, source))
    found.sort(key=lambda package: package[:2])
    return [Package(*own[2:4], zlib.crc32(own[4].encode())) for own in found]


def stanzas(index: Path) -> Iterator[Fields]:
    """Yield the fields of each package; lines of a field are joined."""
    for stanza in index.read_text(encoding="utf-8").split("\n\n"):
        joined = stanza.replace("\n ", " ").strip()
        if joined:
            yield dict(line.split(": ", 1) for line in joined.split("\n") if ": " in line)


def load(index: Path, kind: str, *, test: bool) -> tuple[ff.Dataset, ff.Dataset]:
    """Return examples to train on and to measure on; without `test` a tenth of the sources of the
    training set are measured, and test examples left alone."""
    packages = read(index, kind)
    if not test:
        packages = [package for package in packages if package.source % 10 != 0]
    part = 0 if test else 1
    train = [package for package in packages if package.source % 10 != part]
    measured = [package for package in packages if package.source % 10 == part]
    counts = Counter(label for package in train for label in package.labels)
    labels = {label: n for n, label in enumerate(sorted(x for x in counts if counts[x] >= 2))}
    train, measured = (
        [package for package in part if any(label in labels for label in package.labels)]
        for part in (train, measured)
    )
    seen = Counter(word for package in train for word in package.words)
    words = {word: n for n, word in enumerate(sorted(x for x in seen if seen[x] >= 2))}
    idf = np.array([math.log((1 + len(train)) / (1 + seen[word])) + 1 for word in words])
    train = [package for package in train if not words.keys().isdisjoint(package.words)]
    return dataset(train, words, idf, labels), dataset(measured, words, idf, labels)


def dataset(
    packages: list[Package], words: dict[str, int], idf: np.ndarray, labels: dict[str, int]
) -> ff.Dataset:
    counted = [
        {words[word]: count for word, count in package.words.items() if word in words}
        for package in packages
    ]
    X = rows_of(counted, len(words))
    X.data *= idf[X.indices]
    lengths = np.sqrt(np.asarray(X.power(2).sum(axis=1)).ravel())
    X.data /= np.repeat(np.where(lengths > 0, lengths, 1), np.diff(X.indptr))
    held = [{labels[x]: 1.0 for x in package.labels if x in labels} for package in packages]
    return ff.Dataset(X.astype(np.float32), rows_of(held, len(labels)).astype(np.float32))


def rows_of(rows: list[dict[int, float]], width: int) -> csr_array:
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    ids = np.fromiter((own for row in rows for own in row), np.int64)
    values = np.fromiter((own for row in rows for own in row.values()), np.float64)
    found = csr_array((values, ids, indptr), shape=(len(rows), width))
    found.sort_indices()
    return found
