"""A last layer of very many labels: each example computes some hundreds of them.

python examples/many_labels.py 1000000
"""

import sys
import time

import numpy as np
from scipy.sparse import csr_array

import fewfire as ff

n_labels = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
n_examples, n_features = min(40_000, 4 * n_labels), 50_000
rng = np.random.default_rng(0)

# Each label has three features of its own; an example has those of its label, and two of any.
own = rng.integers(0, n_features, (n_labels, 3))
labels = rng.integers(0, min(n_labels, 2_000), n_examples)  # the others are there to be left out
columns = np.column_stack([own[labels], rng.integers(0, n_features, (n_examples, 2))])
rows = np.repeat(np.arange(n_examples), columns.shape[1])
X = csr_array(
    (np.ones(columns.size, np.float32), (rows, columns.ravel())), (n_examples, n_features)
)
data = ff.Dataset(X, labels, n_labels=n_labels)
train, test = data.split(n_examples // 20)

net = ff.Network(ff.EmbeddingBag(n_features, 64), ff.Linear(64, n_labels, gain=0.0), random_state=0)
start = time.perf_counter()
history = ff.Trainer(net).fit(train)
print(f"{1e6 * (time.perf_counter() - start) / history.n_examples:.0f} us a training example")
print(f"{history.ledger.share:.2%} of the multiplications of all {n_labels:,} labels")
print(f"{net.evaluate(test, ['P@1'])['P@1']:.1%} right of examples not seen")
