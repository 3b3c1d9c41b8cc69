"""From a CSV file to a model in another process: words and numbers, holes, a search, a report."""

import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.metrics import classification_report
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import fewfire as ff
from fewfire.sklearn import HashedClassifier

# A file as people have them; yours comes from elsewhere.
rng = np.random.default_rng(0)
colour, size = rng.choice(["red", "green", "blue"], 800), rng.normal(size=800).round(2)
price = np.where(rng.random(800) < 0.05, None, rng.integers(5, 90, 800))  # some are missing
sold = np.where((colour == "red") ^ (size > 0), "yes", "no")
made = pd.DataFrame({"colour": colour, "size": size, "price": price, "sold": sold})
made.to_csv("shop.csv", index=False)

# Words become columns of 0 and 1, holes the mean; networks scale numbers by themselves.
table = pd.read_csv("shop.csv")
X, y = table.drop(columns="sold"), table["sold"]
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=200, random_state=0)
words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
columns = make_column_transformer(
    (words, make_column_selector(dtype_exclude="number")),
    (SimpleImputer(add_indicator=True), make_column_selector(dtype_include="number")),
    verbose_feature_names_out=False,
).set_output(transform="pandas")
model = make_pipeline(columns, HashedClassifier((100,), max_iter=10, random_state=0))
search = GridSearchCV(model, {"hashedclassifier__density": [0.1, 0.3]}, cv=2).fit(X_train, y_train)
print(f"best: {search.best_params_}\n{classification_report(y_test, search.predict(X_test))}")

# A page about the network, and why it answers as it does, by the names of the columns.
best = search.best_estimator_
net = best[-1].network_
net.save("shop.safetensors")
ff.datasets.save_npz("test.npz", ff.Dataset(best[:-1].transform(X_test), y_test, like=net.encoding))
fewfire = [sys.executable, "-m", "fewfire"]
subprocess.run([*fewfire, "report", "shop.safetensors", "--data", "test.npz"], check=True)
subprocess.run([*fewfire, "explain", "shop.safetensors", "test.npz", "-n", "3"], check=True)

# The whole pipeline in a file, and in another process.
joblib.dump(best, "shop.joblib")
X_test.head(3).to_csv("new.csv", index=False)
ask = """import joblib, pandas
print(joblib.load("shop.joblib").predict(pandas.read_csv("new.csv")), "there")"""
subprocess.run([sys.executable, "-c", ask], check=True)
print(search.predict(X_test.head(3)), "here")
