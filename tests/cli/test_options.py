"""Help of a command by the owners of its options."""

import click
import pytest
from click.testing import CliRunner

from commands import run
from fewfire.cli.options import Grouped, Owner, option, with_options

SHAPE, COLOUR = Owner("Its shape"), Owner("Its colour")


@click.command(cls=Grouped)
@with_options(
    [
        [option("--width", of=SHAPE, type=int, help="In steps."), option("--hue", of=COLOUR)],
        [option("--height", of=SHAPE, first=True, type=click.IntRange(min=1), help="In steps.")],
    ]
)
def paint(**options):
    """Paint."""


def test_help_has_a_group_for_each_owner_below_what_is_used_first():
    out = CliRunner().invoke(paint, ["--help"]).stdout
    assert [line.rstrip() for line in out.splitlines()[4:]] == [
        "Used first:",
        "  --height N                    In steps.",
        "  --help                        Show this message and exit.",
        "",
        "Its shape:",
        "  --width N                     In steps.",
        "",
        "Its colour:",
        "  --hue TEXT",
    ]


def test_an_option_without_an_owner_cannot_be_declared():
    with pytest.raises(TypeError, match="of"):
        option("--size")


@pytest.mark.parametrize("columns", [80, 100])
def test_the_help_of_train_starts_with_ten_options_and_ends_with_those_of_experts(
    columns, tmp_path, monkeypatch
):
    monkeypatch.setenv("COLUMNS", str(columns))
    out, _ = run("train", "--help", cwd=tmp_path)
    assert max(map(len, out.splitlines())) <= columns
    assert out.count("  -h, --help") == 1
    head, *groups = out.split("Used first:\n")[1].split("\n\n")
    names = [line.split()[0] for line in head.splitlines() if line.startswith("  -")]
    assert names == [
        *("-o,", "--labels", "--val", "--val-size", "--max-epochs", "--seed", "--n-jobs"),
        *("--preset", "--hidden", "--density", "-h,"),
    ]
    for_experts = ["(for experts):" in group.splitlines()[0] for group in groups]
    assert for_experts == sorted(for_experts)
    assert "--mips" in "".join(groups[for_experts.index(True) :])
