"""A training run on file: a model file that also holds the optimizer's state and the history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..base.checks import check_integer
from ..base.files import Arrays, FormatError, PathLike, read_model, write_model
from ..base.history import History
from ..base.ledger import Ledger
from ..network.network import Network
from ..network.reading import from_state


class State(NamedTuple):
    """Where a run was."""

    net: Network
    arrays: Arrays  # those of the optimizer's state among them
    history: History
    epoch: int  # epochs done


def save(
    path: PathLike,
    net: Network,
    moments: Arrays,
    history: History,
    settings: Mapping[str, Any],
    epoch: int,
) -> None:
    """Write the network and all that is needed to go on after `epoch` epochs."""
    training = {
        "epoch": epoch,
        "settings": settings,
        "history": list(history),
        "ledger": history.ledger.counts.tolist(),
        "n_examples": history.n_examples,
    }
    config, arrays = net.state()
    write_model(path, {**config, "training": training}, {**arrays, **moments})


def read(path: PathLike, net: Network, settings: Mapping[str, Any]) -> State:
    """Read what `save` wrote; raise unless it is of such a network and of these settings."""
    config, arrays = read_model(path)
    if "training" not in config:
        raise ValueError(f"{path} is a model without training state: resume wants a checkpoint")
    found = from_state(path, config, arrays)
    if _identity(found) != _identity(net):
        raise ValueError(f"{path} holds another network than the trainer's")
    try:
        training = config["training"]
        trained_with, epoch = dict(training["settings"]), training["epoch"]
        history = History(training["history"], Ledger(training["ledger"]))
        history.n_examples = check_integer("n_examples", training["n_examples"], low=0)
        check_integer("epoch", epoch, low=0)
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: the training state is damaged: {error}") from error
    for name, value in settings.items():
        if trained_with.get(name) != value:
            raise ValueError(
                f"{path} was trained with {name}={trained_with.get(name)}, "
                f"the trainer has {value}: a resumed run needs the same settings"
            )
    return State(found, arrays, history, epoch)


def _identity(net: Network) -> list[Any]:
    """What two networks share if the same weights make them the same."""
    return [net.random_state, *(layer.settings for layer in net.layers)]
