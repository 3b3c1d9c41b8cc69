"""The guide to tables says what is so."""

import re
from pathlib import Path

import pytest

pytest.importorskip("pandas")
GUIDE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_example_of_the_guide_prints_what_it_says(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    exec(code, {})
    (said,) = re.findall(r"# (.*)", code)
    assert capsys.readouterr().out.strip() == said
