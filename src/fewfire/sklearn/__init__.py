"""Estimators of scikit-learn. Needs scikit-learn 1.6 or newer: `pip install 'fewfire[sklearn]'`.

They take what scikit-learn's own take, dense or sparse, with labels of any type; parameters that
play the part of those of `sklearn.neural_network.MLPClassifier` have their names.
"""

from .hashed import HashedClassifier, HashedRegressor
from .tagging import TaggerClassifier

__all__ = ["HashedClassifier", "HashedRegressor", "TaggerClassifier"]
