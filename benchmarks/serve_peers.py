"""The peers of `serve.py`: FastAPI around a model of scikit-learn or omikuji, written in ten lines.

`PEER` is which, `MODELS` the folder of both; uvicorn runs `app`."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

FOLDER = Path(os.environ["MODELS"])
words, names, classifier = pickle.loads((FOLDER / "sklearn.pickle").read_bytes())
app = FastAPI()


class Ask(BaseModel):
    texts: list[str]
    k: int = 5


def of_sklearn(ask: Ask) -> list[list[dict[str, Any]]]:
    scores = classifier.predict_proba(words.transform(ask.texts))
    best = np.argsort(-scores, axis=1)[:, : ask.k]
    return [
        [{"label": names[j], "score": float(own[j])} for j in row]
        for own, row in zip(scores, best, strict=True)
    ]


def of_omikuji(ask: Ask) -> list[list[dict[str, Any]]]:
    X = words.transform(ask.texts)
    return [
        [
            {"label": names[j], "score": float(score)}
            for j, score in forest.predict(
                list(zip(X[i].indices.tolist(), X[i].data.tolist(), strict=True)), top_k=ask.k
            )
        ]
        for i in range(X.shape[0])
    ]


if os.environ["PEER"] == "omikuji":
    import omikuji

    forest = omikuji.Model.load(str(FOLDER / "omikuji"))
    app.post("/topk")(of_omikuji)
else:
    app.post("/topk")(of_sklearn)
