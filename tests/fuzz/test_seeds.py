"""Inputs that failed once do not fail again."""

import pytest

from tests.fuzz import seeds
from tests.fuzz.lines import printed_by


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    return printed_by("--areas", "seeds", "--keep", str(tmp_path_factory.mktemp("found")))[1]


@pytest.mark.parametrize("number", range(len(seeds.ALL)), ids=lambda i: seeds.ALL[i].__name__)
def test_what_failed_once_does_not_fail_again(printed, number):
    assert "findings" in printed  # it came to its end
    assert [line for line in printed.splitlines() if line.startswith(f"seeds:{number}: ")] == []
