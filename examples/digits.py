"""A hashed network on scikit-learn's digits, beside the same network computed in full."""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import fewfire as ff

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
train = ff.Dataset(X_train, y_train)
test = ff.Dataset(X_test, y_test, like=train)

for name, gate in {"hashed, 10 %": ff.Hashed(density=0.1), "dense": ff.gates.All()}.items():
    hidden = {"activation": "relu", "gate": gate}
    first, second = ff.Linear(64, 400, **hidden), ff.Linear(400, 400, **hidden)
    net = ff.Network(first, second, ff.Linear(400, 10), random_state=0)
    history = ff.Trainer(net, max_epochs=10).fit(train)
    found = net.evaluate(test)
    print(f"{name}: accuracy {found.accuracy:.3f}, {found.ledger.share:.1%} of the multiplications")
