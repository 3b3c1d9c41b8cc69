"""Which model `fewfire train` trains: options that describe a model choose it, no others do."""

import re

import click
import numpy as np
import pytest

import fewfire as ff
from commands import run
from fewfire.cli.choosing import BLEND, NETWORK, TAGGER, choose
from fewfire.cli.options import Option, given
from fewfire.cli.train import TRAININGS, train
from tags import tagged, write_xc

DATA = {
    "label lists": tagged(n=20, n_labels=5),
    "few classes": tagged(n=20, n_labels=5, kind="classes"),
    "many classes": tagged(n=20, n_labels=300, kind="classes"),
    "images": ff.Dataset(np.eye(4, dtype=np.float32), [0, 1, 0, 1]),
    "values": ff.Dataset(np.eye(4, dtype=np.float32), [0.5, 1, 2, 3]),
}
BY_KIND = dict(zip(DATA, (TAGGER, NETWORK, TAGGER, NETWORK, NETWORK), strict=True))
OPTIONS = [parameter for parameter in train.params if isinstance(parameter, Option)]
SILENT = [option for option in OPTIONS if option.of.describes is None]
DESCRIBING = [option for option in OPTIONS if option.of.describes is not None]
LACKING = [(option, model) for option in OPTIONS for model in option.lacks]
SPECIAL = {"--hidden": "9", "--memory": "2G", "--ngrams": "1,2"}


def words(option):
    """The option with a value that it takes."""
    name = option.opts[0]
    if option.is_flag:
        return [name]
    if isinstance(option.type, click.Choice):
        return [name, option.type.choices[0]]
    return [name, SPECIAL.get(name, "1")]


def chosen(data, *words):
    return choose(DATA[data], given(train.make_context("train", ["data", *words])))


def name(option):
    return option.opts[0]


def test_every_option_has_an_owner():
    assert [parameter.name for parameter in train.params if not isinstance(parameter, Option)] == [
        "data"
    ]
    owners = {option.of.describes for option in OPTIONS}
    assert owners == {None, *TRAININGS}


@pytest.mark.parametrize("data", DATA)
def test_without_options_the_kind_of_the_data_chooses(data):
    choice = chosen(data)
    assert choice.model == BY_KIND[data]
    assert str(choice).startswith(f"a {choice.model}: ")


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("option", SILENT, ids=name)
def test_what_describes_no_model_never_chooses(option, data):
    model = BY_KIND[data]
    if model not in option.lacks:
        assert chosen(data, *words(option)) == chosen(data)
        return
    refusal = f"a {model} has no {option.lacks[model]}: leave out {option.opts[0]}"
    with pytest.raises(click.UsageError, match=re.escape(refusal)):
        chosen(data, *words(option))


@pytest.mark.parametrize("option", DESCRIBING, ids=name)
def test_what_describes_a_model_gets_it_and_is_named_as_the_reason(option):
    for data in ("label lists", "few classes"):
        choice = chosen(data, *words(option))
        assert choice.model == option.of.describes
        assert f"{option.opts[0]} asks for one" in str(choice)


@pytest.mark.parametrize(("option", "model"), LACKING)
def test_what_a_model_cannot_honour_is_refused_with_a_way_out(option, model):
    asking = {TAGGER: ["--preset", "fast"], NETWORK: ["--lr", "1"], BLEND: ["--blend"]}[model]
    with pytest.raises(click.UsageError) as refusal:
        chosen("label lists", *asking, *words(option))
    ways = {"--bag 256 for a network": NETWORK, "--preset balanced for a tagger": TAGGER}
    (way,) = [way for way in ways if f"or give {way} in place of {asking[0]}" in str(refusal.value)]
    assert chosen("label lists", *words(option), *way.split()[:2]).model == ways[way]


def test_dense_data_is_not_sent_to_a_bag_or_a_tagger():
    with pytest.raises(click.UsageError, match="give --hidden 1000,1000 for a network in place"):
        chosen("images", "--preset", "fast", "--monitor-gates", "9")
    with pytest.raises(click.UsageError, match=r"leave out --memory$"):
        chosen("images", "--memory", "2G")


def test_both_models_at_once_are_refused_unless_they_are_blended():
    both = ("--preset", "fast", "--lr", "1")
    with pytest.raises(click.UsageError, match="--preset is of a tagger and --lr of a network"):
        chosen("label lists", *both)
    assert chosen("label lists", *both, "--blend").model == BLEND


@pytest.mark.parametrize("words", [("--preset", "best"), ("--blend",)])
def test_values_have_no_tagger(words):
    with pytest.raises(click.UsageError, match=f"{words[0]} needs labels or classes"):
        chosen("values", *words)


def test_the_second_word_of_a_switch_is_named():
    assert "--hard asks for one" in str(chosen("images", "--hard"))


@pytest.mark.parametrize("option", OPTIONS, ids=name)
def test_a_file_says_the_same_as_the_command_line(option, tmp_path):
    word, *value = words(option)
    path = tmp_path / "settings.toml"
    setting = f'"{value[0]}"' if value else "true"
    path.write_text(f'data = "here"\n{option.opts[-1].removeprefix("--")} = {setting}\n')
    of_file = train.make_context("train", [str(path)])
    of_words = train.make_context("train", ["here", word, *value])
    assert given(of_file) == given(of_words) == {word: option}
    assert of_file.params == of_words.params


def test_a_flag_that_a_file_turns_off_is_not_given(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('data = "here"\nblend = false\ndeterministic = false\nsoft = false\n')
    assert list(given(train.make_context("train", [str(path)]))) == ["--hard"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--loss", "squared"), "values are wanted, but y holds labels"),
        (("--resume", "missing"), "no such file: missing"),
        (("--monitor-gates", 50), "no layer of the network is hashed"),
    ],
)
def test_a_blend_refuses_before_its_tagger_is_trained(words, expected, tmp_path):
    write_xc(tmp_path / "train.txt", tagged(n=200))
    _, err = run("train", "train.txt", "--blend", *words, cwd=tmp_path, code=1)
    assert expected in err
    assert "epoch" not in err
