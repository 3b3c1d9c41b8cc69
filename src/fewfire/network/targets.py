"""Which data fits the layers of a network, and how its targets are taken."""

from __future__ import annotations

from collections.abc import Sequence

from ..data import Dataset, Encoding
from ..model.checks import check_examples, check_features, check_labels
from .layer import Layer
from .losses import default_loss


def fitting(
    layers: Sequence[Layer],
    data: Dataset,
    loss: str | None,
    encoding: Encoding | None,
    n_features: int | None = None,
) -> Dataset:
    """Return `data` as the loss takes its targets: for the squared loss, numbers that are classes
    become values. Raise unless they fit the layers, the loss and the encoding.

    Parameters
    ----------
    layers : sequence of Layer
    data : Dataset
    loss : str or None
        None for that of a training that is given none.
    encoding : Encoding or None
        Of the training set; None if there was none.
    n_features : int, optional
        Width of the data, where the first layer does not read all of it.
    """
    n_outputs = layers[-1].settings.out_features
    check_examples(data)
    check_features(data, n_features or layers[0].settings.in_features, encoding)
    if data.kind is None:
        raise ValueError("the data set has no targets: give it y")
    loss = loss or default_loss(layers, data.kind)
    if loss == "squared":
        data = data.as_values()
    elif data.kind == "values":
        raise ValueError(f"the {loss} loss needs classes or label lists as targets, not values")
    if data.kind == "values" and data.n_labels != n_outputs:
        raise ValueError(
            f"the data set has {data.n_labels} column{'s' * (data.n_labels != 1)} of values but "
            f"the last layer has {n_outputs} rows: make it Linear(..., {data.n_labels})"
        )
    check_labels(data, n_outputs, encoding)
    if data.label_names is not None and data.n_labels < n_outputs:
        raise ValueError(
            f"the data set has {data.n_labels} named labels but the last layer has "
            f"{n_outputs} rows: make it Linear(..., {data.n_labels})"
        )
    return data
