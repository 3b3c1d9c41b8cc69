"""Tags for texts: learn from summaries of Debian packages, then tag texts of your own.

python examples/tags.py "a small editor for Python"
"""

import sys

import fewfire as ff

train, test = ff.datasets.packages()
print(train)
tagger = ff.Tagger("fast").fit(train)
for name, value in tagger.evaluate(test, ["P@1", "P@3", "PSP@5"]).items():
    print(f"{name}: {value:.1%}")

texts = sys.argv[1:] or ["a game where you shoot asteroids", "library to parse PDF in Python"]
top = tagger.predict_topk(texts, k=4)
for text, names, scores in zip(texts, top.names, top.scores, strict=True):
    tags = ", ".join(f"{name} {score:.2f}" for name, score in zip(names, scores, strict=True))
    print(f"{text}: {tags}")
