"""A table of words and numbers through scikit-learn: a pipeline, and a search for its settings."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from fewfire.sklearn import HashedClassifier

rng = np.random.default_rng(0)
table = pd.DataFrame(
    {
        "colour": rng.choice(["red", "green", "blue"], 600),
        "size": rng.normal(size=600),
        "age": rng.integers(1, 90, 600),
    }
)
sold = np.where((table["colour"] == "red") ^ (table["size"] > 0), "yes", "no")

columns = make_column_transformer(
    (OneHotEncoder(), make_column_selector(dtype_exclude="number")),
    remainder="passthrough",
)
model = make_pipeline(columns, HashedClassifier((100,), max_iter=10, random_state=0))
search = GridSearchCV(model, {"hashedclassifier__density": [0.1, 0.3]}, cv=2)
search.fit(table, sold)
print(f"best: {search.best_params_}, accuracy {search.best_score_:.3f}")
print(search.predict(table.head(3)), sold[:3])
