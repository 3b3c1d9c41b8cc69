"""Good texts of every format that is read, small ones."""

from __future__ import annotations

import numpy as np

WIDTH, N_LABELS, N_ROWS = 9, 5, 12


def rows(first: int, seed: int = 0) -> list[str]:
    """Return the features of some examples, counted from `first`."""
    rng = np.random.default_rng(seed)
    return [
        " ".join(f"{j + first}:{rng.normal():.3g}" for j in np.flatnonzero(rng.random(WIDTH) < 0.4))
        for _ in range(N_ROWS)
    ]


def lists(seed: int = 1) -> list[str]:
    """Return label lists, some of them empty."""
    rng = np.random.default_rng(seed)
    return [",".join(map(str, rng.permutation(N_LABELS)[: i % 3])) for i in range(N_ROWS)]


def lines(begins: list[str], first: int) -> str:
    """Return a text of examples."""
    found = (f"{begin} {row}" for begin, row in zip(begins, rows(first), strict=True))
    return "\n".join(found) + "\n"


NUMBERS = [str(i % 3) for i in range(N_ROWS)]
TEXTS = {
    "classes": lines(NUMBERS, 1),
    "signs": lines([("+1", "-1")[i % 2] for i in range(N_ROWS)], 1),
    "values": "# a comment\n" + lines([f"{i / 7:.4f}" for i in range(N_ROWS)], 0),
    "lists": lines(["0", *lists()[1:]], 1),
    "header": f"{N_ROWS} {WIDTH} {N_LABELS}\n" + lines(lists(), 0),
    "queries": lines([f"{i % 2} qid:{i}" for i in range(N_ROWS)], 1),
    "windows": lines(NUMBERS, 1).replace("\n", "\r\n"),
}
RAW = "".join(
    f"{text}\t{labels}\n"
    for text, labels in (
        ("a small cat sleeps", "cat,small"),
        ("the small dog, the dog sleeps", "dog,small"),
        ("a dog and a cat", "cat,dog"),
        ("Straße 7 ist gesperrt: the dog sleeps", "dog"),
    )
)
NAMES = "".join(f"name {i}\n" for i in range(N_LABELS))
