"""A cluster of two processes for all tests of this wing; without dask they are skipped."""

import pytest

distributed = pytest.importorskip("distributed", reason="needs dask: pip install 'fewfire[dask]'")


@pytest.fixture(scope="session")
def cluster():
    with distributed.LocalCluster(
        processes=True, n_workers=2, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        client.wait_for_workers(2, timeout=60)
        yield client
