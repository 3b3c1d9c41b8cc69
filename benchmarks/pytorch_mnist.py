"""The dense net in PyTorch on the CPU, tuned for speed: what fewfire's training is held against.

The clock covers whole epochs (shuffling, batches, steps) with the data in memory and evaluation
left out; the first epoch warms up and is not counted. The last 5,000 training rows are kept for
choices; `--test` reads the test set, once, after the last epoch.
"""

from __future__ import annotations

import argparse
import gzip
import math
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from report import report, widths

N_VALIDATION = 5000


def read_idx(folder: Path, name: str) -> np.ndarray:
    """One idx file of `folder`, plain or gzipped."""
    path = next((p for p in (folder / name, folder / f"{name}.gz") if p.exists()), None)
    if path is None:
        raise SystemExit(
            f"{folder} holds neither {name} nor {name}.gz; put MNIST's idx files there"
        )
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    n_dimensions = data[3]
    shape = np.frombuffer(data, dtype=">i4", count=n_dimensions, offset=4)
    return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * n_dimensions).reshape(shape)


def load_mnist(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    """Pixels in [0, 1], (n, 784), and labels of `train` or `t10k`."""
    images = read_idx(folder, f"{part}-images-idx3-ubyte")
    labels = read_idx(folder, f"{part}-labels-idx1-ubyte")
    X = torch.from_numpy(images.reshape(len(images), -1).astype(np.float32) / 255)
    return X, torch.from_numpy(labels.astype(np.int64))


def dense_net(sizes: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def make_optimizer(net: nn.Module, options: argparse.Namespace) -> torch.optim.Optimizer:
    settings = {"lr": options.lr, "weight_decay": options.weight_decay}
    if options.step != "loop":
        settings[options.step] = True
    if options.optimizer == "sgd":
        return torch.optim.SGD(net.parameters(), momentum=0.9, **settings)
    return torch.optim.AdamW(net.parameters(), **settings)


def decay(schedule: str, progress: float) -> float:
    """Share of the learning rate in use when `progress` (0 to 1) of the run is done."""
    if schedule == "linear":
        return 1 - progress
    return (1 + math.cos(math.pi * progress)) / 2 if schedule == "cosine" else 1.0


def shuffled_batches(X: Tensor, y: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    for ids in torch.randperm(len(X)).split(size):
        yield X.index_select(0, ids), y.index_select(0, ids)


def accuracy(net: nn.Module, X: Tensor, y: Tensor) -> float:
    with torch.inference_mode():
        chosen = torch.cat([net(x).argmax(1) for x in X.split(1000)])
    return round(float((chosen == y).float().mean()), 4)


def train(net: nn.Module, X: Tensor, y: Tensor, options: argparse.Namespace) -> Iterator[float]:
    """Train in place, and yield the seconds of each epoch when it is over."""
    optimizer = make_optimizer(net, options)
    forward = torch.compile(net) if options.compile else net
    n_steps = options.epochs * math.ceil(len(X) / options.batch_size)
    step = 0
    for _ in range(options.epochs):
        start = time.perf_counter()
        for x, target in shuffled_batches(X, y, options.batch_size):
            optimizer.param_groups[0]["lr"] = options.lr * decay(options.schedule, step / n_steps)
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
                loss = nn.functional.cross_entropy(forward(x), target)
            loss.backward()
            optimizer.step()
            step += 1
        yield time.perf_counter() - start


def run(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision(options.precision)
    torch.set_flush_denormal(
        True
    )  # Adam's moments of rarely lit pixels decay that far, and are slow
    X, y = load_mnist(options.folder, "train")
    X_validation, y_validation = X[-N_VALIDATION:], y[-N_VALIDATION:]
    X, y = (part[:-N_VALIDATION][: options.examples] for part in (X, y))
    net = dense_net([X.shape[1], *options.hidden, 10])

    seconds, validation = [], []
    for epoch_seconds in train(net, X, y, options):
        seconds.append(epoch_seconds)
        validation.append(accuracy(net, X_validation, y_validation))
    warm = seconds[1:] or seconds
    settings = {k: v for k, v in vars(options).items() if k not in ("folder", "test")}
    report(
        "pytorch_mnist",
        torch=torch.__version__,
        **settings,
        validation_accuracy=validation[-1],
        best_validation_accuracy=max(validation),
        test_accuracy=accuracy(net, *load_mnist(options.folder, "t10k")) if options.test else None,
        examples_per_second=round(len(X) / statistics.median(warm)),
        ms_per_example=round(1000 * statistics.median(warm) / len(X), 4),
        ms_per_example_best_epoch=round(1000 * min(warm) / len(X), 4),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("folder", type=Path, help="folder of MNIST's four idx files, plain or .gz")
    option("--hidden", type=widths, default=[1000, 1000])
    option("--examples", type=int, default=None, help="the first so many; default: all 55,000")
    option("--batch-size", type=int, default=128)
    option("--optimizer", choices=("adam", "sgd"), default="adam", help="sgd has momentum .9")
    option("--lr", type=float, default=0.001)
    option("--weight-decay", type=float, default=0.1, help="decoupled for adam, L2 for sgd")
    option("--schedule", choices=("constant", "linear", "cosine"), default="linear")
    option("--epochs", type=int, default=12)
    option("--seed", type=int, default=0)
    option("--threads", type=int, default=torch.get_num_threads())
    option("--step", choices=("fused", "foreach", "loop"), default="fused", help="optimizer's loop")
    option("--precision", choices=("highest", "high", "medium"), default="highest")
    option("--bf16", action="store_true", help="autocast to bfloat16")
    option("--compile", action="store_true", help="compile the forward and backward pass")
    option("--test", action="store_true", help="read the test set after the last epoch")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
