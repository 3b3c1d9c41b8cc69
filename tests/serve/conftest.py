"""The models that all tests of this wing serve."""

import pytest

pytest.importorskip("fastapi", reason="the server needs the extra serve")

from served import Client, make_models, served


@pytest.fixture(scope="session")
def paths(tmp_path_factory):
    return make_models(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def client(paths):
    return Client(paths)


@pytest.fixture(scope="session")
def server(paths):
    words = [f"{name}={path}" for name, path in paths.items()]
    limits = ("--max-body", "100K", "--max-connections", 1100)
    options = ("--workers", 2, "--no-access-log", *limits)
    with served(paths["texts"].parent, *words, *options) as found:
        yield found
