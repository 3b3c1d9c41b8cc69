"""The next word of a text: a network of PyTorch with a hashed last layer, a class for each word.

python examples/next_word.py [FILE]    # without a file: the reference of Python itself
"""

import re
import sys
from collections import Counter
from pathlib import Path
from pydoc_data.topics import topics

import torch
from torch import nn

from fewfire.gates import Retrieve
from fewfire.torch import FusedOptimizer, HashedSoftmaxWithLoss

BEFORE, HIDDEN, STEPS = 3, 64, 400  # words that are read, values below the last layer, batches

torch.manual_seed(0)
text = Path(sys.argv[1]).read_text(errors="replace") if sys.argv[1:] else " ".join(topics.values())
found = re.findall(r"[a-z]+|[.,:;()]", text.lower())
words = [word for word, _ in Counter(found).most_common()]
number = {word: i for i, word in enumerate(words)}
stream = torch.tensor([number[word] for word in found])
n_train = len(stream) * 9 // 10
print(f"{len(stream):,} words, {len(words):,} of them distinct")

body = nn.Sequential(
    nn.Embedding(len(words), 32), nn.Flatten(), nn.Linear(BEFORE * 32, HIDDEN), nn.Tanh()
)
head = HashedSoftmaxWithLoss(
    HIDDEN,
    len(words),
    gate=Retrieve(candidates=100, negatives=300),
    counts=torch.bincount(stream[:n_train], minlength=len(words)),
)
optimizers = [torch.optim.Adam(body.parameters(), 0.003), FusedOptimizer(head, lr=0.005)]


def example(at: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return stream[at[:, None] + torch.arange(-BEFORE, 0)], stream[at]


for _ in range(STEPS):
    x, y = example(torch.randint(BEFORE, n_train, (256,)))
    body.zero_grad()
    head(body(x), y).loss.backward()
    for optimizer in optimizers:
        optimizer.step()

with torch.no_grad():
    x, y = example(torch.randint(n_train + BEFORE, len(stream), (2000,)))
    hidden = body(x)
    right = (head.topk(hidden, 10)[1] == y[:, None]).any(1).float().mean()
    print(f"words not seen: loss {head(hidden, y).loss:.2f}, among the first ten {right:.0%}")
    before = ["in", "the", "following"]
    best = head.topk(body(torch.tensor([[number.get(word, 0) for word in before]])), 5)[1][0]
    print(" ".join(before), "...", ", ".join(words[i] for i in best))
