"""The last layer of a network of PyTorch: held-out loss and recall against CPU time.

The same body, four embeddings and two dense layers, ends in a hashed head, in a full softmax, in
an adaptive one, or in a sampled one with log-uniform negatives and SparseAdam. Sequences are the
words of package descriptions, whose frequencies fall as those of words do, or generated items,
whose frequencies are flat. All take turns, so that a busy hour slows all alike. A line per method
and time: CPU seconds of training, loss over all classes, recall@10 exact and through the gate.

    python benchmarks/torch_head.py words --packages FILE --seconds 20
"""

from __future__ import annotations

import argparse
import math
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

import fewfire as ff
from fewfire.torch import FusedOptimizer, HashedSoftmaxWithLoss
from report import report

BEFORE, EMBEDDED, HIDDEN, BATCH = 4, 64, 128, 512
WORD = re.compile(r"[a-z0-9][a-z0-9'+#.-]*[a-z0-9]|[a-z0-9]|[.,:;!?()/]")


class Sequences(NamedTuple):
    """Streams of ids, in which one follows from the four before it."""

    train: Tensor
    test: Tensor
    n_classes: int


def words(path: Path, most: int) -> Sequences:
    """Words of descriptions of packages, in the format of Debian's lists of packages."""
    lines = re.findall(r"^Description: (.*)", path.read_text(errors="replace"), re.MULTILINE)
    texts = [WORD.findall(line.lower()) for line in sorted(set(lines))]
    counts = Counter(word for text in texts for word in text)
    ids = {word: i + 2 for i, (word, _) in enumerate(counts.most_common(most - 2))}
    order = np.random.default_rng(0).permutation(len(texts))
    streams = [[ids.get(word, 1) for word in texts[i]] + [0] for i in order]
    cut = int(0.95 * len(streams))
    flat = [torch.tensor([i for s in part for i in s]) for part in (streams[:cut], streams[cut:])]
    return Sequences(*flat, len(ids) + 2)


def items(n_classes: int, length: int, per_group: int = 50) -> Sequences:
    """Walks among groups of items: the next one is of the same group mostly, each equally often."""
    rng = np.random.default_rng(0)
    group = np.repeat(rng.integers(n_classes // per_group, size=length // 10 + 1), 10)[:length]
    within = rng.integers(per_group, size=length)
    moved = rng.random(length) < 0.1
    ids = np.where(moved, rng.integers(n_classes, size=length), group * per_group + within)
    order = torch.from_numpy(rng.permutation(n_classes))
    stream = order[torch.from_numpy(ids)]
    cut = int(0.95 * length)
    return Sequences(stream[:cut], stream[cut:], n_classes)


class Body(nn.Module):
    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(n_classes, EMBEDDED, sparse=True)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.mlp = nn.Sequential(
            nn.Linear(BEFORE * EMBEDDED, 256), nn.ReLU(), nn.Linear(256, HIDDEN), nn.Tanh()
        )

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.mlp(self.embed(x).flatten(1))
        return hidden


class Full(nn.Module):
    """All rows, dense Adam."""

    def __init__(self, counts: Tensor) -> None:
        super().__init__()
        self.linear = nn.Linear(HIDDEN, len(counts))
        with torch.no_grad():
            self.linear.weight.zero_()
            self.linear.bias.copy_(log_shares(counts))

    def forward(self, hidden: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self.linear(hidden), target)

    def log_prob(self, hidden: Tensor) -> Tensor:
        return torch.log_softmax(self.linear(hidden), 1)


class Sampled(nn.Module):
    """Shared negatives, drawn by the logarithm of the rank, corrected; SparseAdam."""

    def __init__(self, counts: Tensor, n: int) -> None:
        super().__init__()
        v = len(counts)
        self.n = n
        self.weight = nn.Embedding(v, HIDDEN, sparse=True)
        self.bias = nn.Embedding(v, 1, sparse=True)
        with torch.no_grad():
            self.weight.weight.zero_()
            self.bias.weight.copy_(log_shares(counts)[:, None])
        self.order = torch.argsort(-counts)
        rank = torch.arange(v)
        self.log_q = torch.empty(v)
        self.log_q[self.order] = torch.log(torch.log((rank + 2) / (rank + 1)) / math.log(v + 1))

    def forward(self, hidden: Tensor, target: Tensor) -> Tensor:
        v = len(self.order)
        rank = (torch.exp(torch.rand(self.n) * math.log(v + 1)).long() - 1).clamp(0, v - 1)
        drawn, log_n = self.order[rank], math.log(self.n)
        own = (hidden * self.weight(target)).sum(1) + self.bias(target)[:, 0]
        others = hidden @ self.weight(drawn).T + self.bias(drawn)[:, 0] - self.log_q[drawn] - log_n
        others = others.masked_fill(drawn[None] == target[:, None], -1e9)
        own = own - self.log_q[target] - log_n
        scores = torch.cat([own[:, None], others], 1)
        return nn.functional.cross_entropy(scores, torch.zeros(len(hidden), dtype=torch.long))

    def log_prob(self, hidden: Tensor) -> Tensor:
        return torch.log_softmax(hidden @ self.weight.weight.T + self.bias.weight[:, 0], 1)


class Adaptive(nn.Module):
    """Clusters by frequency, dense Adam."""

    def __init__(self, counts: Tensor) -> None:
        super().__init__()
        v = len(counts)
        self.rank = torch.empty(v, dtype=torch.long)
        self.rank[torch.argsort(-counts)] = torch.arange(v)
        cutoffs = [v // 50, v // 10, v // 3]
        self.layer = nn.AdaptiveLogSoftmaxWithLoss(
            HIDDEN, v, cutoffs, div_value=2.0, head_bias=True
        )

    def forward(self, hidden: Tensor, target: Tensor) -> Tensor:
        loss: Tensor = self.layer(hidden, self.rank[target]).loss
        return loss

    def log_prob(self, hidden: Tensor) -> Tensor:
        found: Tensor = self.layer.log_prob(hidden)
        return found[:, self.rank]


class Hashed(nn.Module):
    """Ours."""

    def __init__(self, counts: Tensor, candidates: int, negatives: int, percent: int = 75) -> None:
        super().__init__()
        gate = ff.gates.Retrieve(
            candidates=candidates, negatives=negatives, ns_exponent=percent / 100
        )
        self.head = HashedSoftmaxWithLoss(HIDDEN, len(counts), gate=gate, counts=counts, n_jobs=1)

    def forward(self, hidden: Tensor, target: Tensor) -> Tensor:
        return self.head(hidden, target).loss

    def log_prob(self, hidden: Tensor) -> Tensor:
        return self.head.log_prob(hidden)


def log_shares(counts: Tensor) -> Tensor:
    own = counts + 0.5
    return torch.log(own / own.sum())


class Racer:
    """A method, its optimizers, and what it took so far."""

    def __init__(self, method: str, data: Sequences, lr: float, seed: int) -> None:
        torch.manual_seed(seed)
        kind, *sizes = method.split("-")
        counts = torch.bincount(data.train, minlength=data.n_classes).float()
        self.method, self.data = method, data
        self.body = Body(data.n_classes)
        make = {"full": Full, "sampled": Sampled, "adaptive": Adaptive, "hashed": Hashed}[kind]
        self.last = make(counts, *map(int, sizes))
        self.optimizers: list[Any] = [
            torch.optim.SparseAdam(self.body.embed.parameters(), 2e-3),
            torch.optim.Adam(self.body.mlp.parameters(), 1e-3),
        ]
        if isinstance(self.last, Hashed):
            self.optimizers.append(FusedOptimizer(self.last.head, lr))
        elif isinstance(self.last, Sampled):
            self.optimizers.append(torch.optim.SparseAdam(self.last.parameters(), lr))
        else:
            self.optimizers.append(torch.optim.Adam(self.last.parameters(), lr))
        self.draw = torch.Generator().manual_seed(seed)
        self.seconds, self.steps = 0.0, 0

    def turn(self, seconds: float) -> None:
        """Train for so much CPU time."""
        begin = time.process_time()
        while time.process_time() - begin < seconds:
            at = torch.randint(BEFORE, len(self.data.train), (BATCH,), generator=self.draw)
            x, target = example(self.data.train, at)
            for optimizer in self.optimizers:
                optimizer.zero_grad()
            self.last(self.body(x), target).backward()
            for optimizer in self.optimizers:
                optimizer.step()
            self.steps += 1
        self.seconds += time.process_time() - begin

    @torch.no_grad()
    def measure(self, n: int = 1500) -> dict[str, float]:
        """Loss and recall on held-out places."""
        places = torch.Generator().manual_seed(1)
        chosen = torch.randint(BEFORE, len(self.data.test), (n,), generator=places)
        loss = hits = gated = 0.0
        for at in chosen.split(250):
            x, target = example(self.data.test, at)
            hidden = self.body(x)
            scores = self.last.log_prob(hidden)
            loss -= float(scores.gather(1, target[:, None]).sum())
            hits += float((scores.topk(10).indices == target[:, None]).sum())
            if isinstance(self.last, Hashed):
                gated += float((self.last.head.topk(hidden, 10)[1] == target[:, None]).sum())
        return {"loss": loss / n, "recall@10": hits / n, "gated@10": gated / n}


def example(stream: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    return stream[at[:, None] + torch.arange(-BEFORE, 0)], stream[at]


def times(seconds: float) -> Iterator[float]:
    """CPU seconds at which is measured."""
    at = seconds / 8
    while at < seconds * 1.01:
        yield at
        at *= 2


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", choices=["words", "items"])
    parser.add_argument("--packages", type=Path, help="a list of Debian's packages, for words")
    parser.add_argument("--classes", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="CPU time of each method")
    parser.add_argument(
        "--methods", default="hashed-200-512,sampled-1024,sampled-4096,adaptive,full"
    )
    parser.add_argument("--lr", default="0.002", help="of the last layer, one or more")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.data == "words":
        data = words(given.packages, given.classes)
    else:
        data = items(given.classes, 2_000_000)
    for seed in range(given.seeds):
        racers = [
            (lr, Racer(method, data, lr, seed))
            for method in given.methods.split(",")
            for lr in map(float, given.lr.split(","))
        ]
        for at in times(given.seconds):
            for lr, racer in racers:
                racer.turn(at - racer.seconds)
                figures = {name: round(value, 4) for name, value in racer.measure().items()}
                report(
                    "torch_head", threads=1, data=given.data, classes=data.n_classes, seed=seed,
                    method=racer.method, lr=lr, cpu_seconds=round(racer.seconds, 2),
                    steps=racer.steps, ms_per_step=round(1e3 * racer.seconds / racer.steps, 2),
                    **figures,
                )  # fmt: skip


if __name__ == "__main__":
    main()
