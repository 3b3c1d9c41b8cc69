"""A tagger that Annif trains, asks and goes on to train."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from annif.backend.backend import AnnifLearningBackend
from annif.exception import NotInitializedException, NotSupportedException
from annif.suggestion import SubjectSuggestion, SuggestionBatch
from scipy.sparse import csr_array

from ..base.files import read_model
from ..data import Dataset, Encoding
from ..data.words import Counted
from ..model.damage import checked
from ..tagger.tagger import Tagger

_INTEGERS = ("min_df", "ngram", "n_trees", "max_epochs", "random_state")


class FewfireBackend(AnnifLearningBackend):
    """Labels of texts by a `Tagger`, whose label ids are the numbers of subjects in the vocabulary.

    Parameters of a project: `preset` (fast, balanced, best), `min_df` and `ngram` of the words that
    the project's analyzer finds, and `memory`, `n_trees`, `max_epochs`, `random_state` as of
    `Tagger`.
    """

    name = "fewfire"
    MODEL_FILE = "tagger.safetensors"
    DEFAULT_PARAMETERS = {"preset": "balanced", "min_df": 2, "ngram": 1}  # noqa: RUF012

    _model: Tagger | None = None

    def initialize(self, parallel: bool = False) -> None:
        """Load the model, if it was not."""
        if self._model is not None:
            return
        if not self._path.exists():
            raise NotInitializedException(
                f"{self._path} is not there: train the project", backend_id=self.backend_id
            )
        self._model = checked(self._path, Tagger.from_state, *read_model(self._path))

    @property
    def _path(self) -> Path:
        return Path(self.datadir) / self.MODEL_FILE

    def _train(self, corpus: Any, params: dict[str, Any], jobs: int = 0) -> None:
        if corpus == "cached":
            raise NotSupportedException("fewfire keeps no training data: give the documents again")
        texts, y = self._read(corpus)
        own: dict[str, Any] = {name: int(params[name]) for name in _INTEGERS if name in params}
        words = Counted(min_rows=own.pop("min_df"), ngrams=(1, own.pop("ngram")))
        vectorizer, X = words.fit(texts)
        encoding = Encoding(vectorizer.n_features, "labels", int(y.shape[1]), text=vectorizer)
        tagger = Tagger(
            params["preset"], memory=params.get("memory"), n_jobs=jobs or None, verbose=True, **own
        )
        tagger.fit(Dataset(X, y, like=encoding))
        self._keep(tagger)

    def _learn(self, corpus: Any, params: dict[str, Any]) -> None:
        self.initialize()
        assert self._model is not None
        known = self._model.encoding
        assert known is not None
        assert known.text is not None
        texts, y = self._read(corpus)
        wider = Encoding(known.n_features, "labels", int(y.shape[1]), text=known.text)
        self._model.partial_fit(Dataset(known.text(texts), y, like=wider))
        self._keep(self._model)

    def _suggest_batch(self, documents: Sequence[Any], params: dict[str, Any]) -> SuggestionBatch:
        assert self._model is not None
        texts = [self._words(document.text) for document in documents]
        found: list[list[SubjectSuggestion]] = [[] for _ in texts]
        asked = [row for row, text in enumerate(texts) if text]
        if asked:
            k = min(int(params["limit"]), self._model.n_outputs)
            top = self._model.predict_topk([texts[row] for row in asked], k)
            for row, labels, scores in zip(asked, top.indices, top.scores, strict=True):
                found[row] = [
                    SubjectSuggestion(subject_id=int(label), score=float(score))
                    for label, score in zip(labels, scores, strict=True)
                    if label >= 0
                ]
        return SuggestionBatch.from_sequence(found, self.project.subjects)

    def _words(self, text: str) -> str:
        """Return the words that the project's analyzer finds, with blanks between."""
        return " ".join(self.project.analyzer.tokenize_words(text))

    def _read(self, corpus: Any) -> tuple[list[str], csr_array]:
        """Return the texts that have words and subjects, and these, (n, subjects)."""
        if corpus.is_empty():
            raise NotSupportedException(f"cannot train {self.backend_id} without documents")
        texts: list[str] = []
        subjects: list[list[int]] = []
        for document in corpus.documents:
            own, text = sorted(set(document.subject_set)), self._words(document.text)
            if own and text:
                texts.append(text)
                subjects.append(own)
        if not texts:
            raise NotSupportedException("no document has words and subjects")
        return texts, _lists(subjects, len(self.project.subjects))

    def _keep(self, tagger: Tagger) -> None:
        Path(self.datadir).mkdir(parents=True, exist_ok=True)
        tagger.save(self._path)
        self._model = tagger


def _lists(labels: Iterable[Sequence[int]], n_labels: int) -> csr_array:
    """Return label lists as CSR of ones."""
    lists = list(labels)
    ids = np.array([label for own in lists for label in own], np.int32)
    indptr = np.cumsum([0, *map(len, lists)])
    return csr_array((np.ones(len(ids), np.float32), ids, indptr), shape=(len(lists), n_labels))
