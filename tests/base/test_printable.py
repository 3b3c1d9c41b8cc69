"""What is printed as text cannot control a terminal, and a field can be read back from it."""

import ast
import re

from hypothesis import given
from hypothesis import strategies as st

from fewfire.base.printable import field, visible

COMMANDS = [*map(chr, [*range(9), *range(11, 32), *range(127, 160), 0x61C, 0x200E, 0x200F])]
COMMANDS += map(
    chr, [0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xD800, 0xDFFF]
)
texts = st.text(st.characters(exclude_categories=[]) | st.sampled_from([*COMMANDS, *"\\\t\nxu0"]))


def read_back(text):
    return re.sub(r"\\(?:[\\tnr]|x..|u....)", lambda m: ast.literal_eval(f'"{m[0]}"'), text)


@given(texts)
def test_a_field_is_one_field_and_can_be_read_back(name):
    shown = field(name)
    assert not set(shown) & {"\t", "\n", *COMMANDS}
    assert read_back(shown) == name
    shown.encode()  # no half characters


@given(texts)
def test_lines_stay_lines(text):
    shown = visible(text)
    assert not set(shown) & set(COMMANDS)
    assert shown.count("\n") == text.count("\n")
    assert visible(field(text)) == field(text)


def test_what_harms_nobody_is_shown_as_it_is():
    for name in ("cat", "Käse 5 %", "नमस्ते", "می‌خواهم", "👩‍👩‍👧", 7, -1.5):
        assert field(name) == visible(str(name)) == str(name)
