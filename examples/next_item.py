"""The next item of a session: as many classes as items, each seen as often as the others.

python examples/next_item.py [ITEMS]    # 20,000 unless given
"""

import sys
import time

import torch
from torch import nn

from fewfire.gates import Retrieve
from fewfire.torch import FusedOptimizer, HashedSoftmaxWithLoss

N_ITEMS = int(sys.argv[1]) if sys.argv[1:] else 20_000
BEFORE, HIDDEN, PER_GROUP, PASSES = 2, 64, 10, 20

# Sessions stay among the items of a group; who is in a group is what there is to learn.
torch.manual_seed(0)
groups = torch.randperm(N_ITEMS // PER_GROUP * PER_GROUP).reshape(-1, PER_GROUP)


def sessions(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    group = torch.randint(len(groups), (n, 1))
    items = groups[group, torch.randint(PER_GROUP, (n, BEFORE + 1))]
    return items[:, :-1], items[:, -1]


embed = nn.EmbeddingBag(N_ITEMS, HIDDEN, sparse=True)
nn.init.normal_(embed.weight, std=0.1)
head = HashedSoftmaxWithLoss(HIDDEN, N_ITEMS, gate=Retrieve(candidates=300, negatives=300, head=0))
optimizers = [torch.optim.SparseAdam(embed.parameters(), 0.01), FusedOptimizer(head, lr=0.01)]

begin, n_steps = time.process_time(), PASSES * N_ITEMS // 256
for _ in range(n_steps):
    x, y = sessions(256)
    embed.zero_grad()
    head(embed(x), y).loss.backward()
    for optimizer in optimizers:
        optimizer.step()
seconds = time.process_time() - begin

with torch.no_grad():
    x, y = sessions(1000)
    hidden = embed(x)
    right = (head.topk(hidden, PER_GROUP)[1] == y[:, None]).any(1).float().mean()
    print(f"{N_ITEMS:,} items: {1e3 * seconds / n_steps:.1f} ms of CPU time a step of 256")
    print(f"new sessions: the next item is among the first {PER_GROUP} in {right:.0%}")
    print(f"the index finds {head.recall(hidden, PER_GROUP):.0%} of the true first {PER_GROUP}")
