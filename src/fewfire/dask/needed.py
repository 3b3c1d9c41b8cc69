"""Dask, if it is installed, and a client that can be used."""

from __future__ import annotations

from types import ModuleType
from typing import Any


def distributed() -> ModuleType:
    """Return `distributed`, or say how to install it."""
    try:
        import dask
        import distributed as found
    except ImportError as error:
        raise ImportError(
            "training and prediction on several machines need dask and distributed: "
            "pip install 'fewfire[dask]'"
        ) from error
    assert dask
    module: ModuleType = found
    return module


def check_client(client: Any) -> None:
    """Raise unless this is a client whose cluster answers."""
    if not isinstance(client, distributed().Client):
        raise TypeError(
            f"client must be a distributed.Client, got {type(client).__name__}: Client(address)"
        )
    if client.asynchronous:
        raise TypeError("the client is asynchronous: make one with asynchronous=False")
    if client.status != "running":
        raise ValueError(f"the client is {client.status}: connect a new one, Client(address)")
