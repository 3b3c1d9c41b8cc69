"""The help of `fewfire train` tells the defaults that are in use."""

import re
from dataclasses import fields

import pytest

import fewfire as ff
from fewfire.cli import network_options
from fewfire.cli.train import train
from fewfire.network.families import FAMILIES
from fewfire.network.gates import AdaptiveDropout
from fewfire.network.hashed import Hashed
from fewfire.network.retrieve import Retrieve
from fewfire.tagger.settings import PRESETS, epochs_of
from fewfire.training.fitting import usual
from fewfire.training.optimizers import OPTIMIZERS
from fewfire.training.schedules import SCHEDULES

HELP = {option.name: getattr(option, "help", None) or "" for option in train.params}
KINDS = [*OPTIMIZERS.values(), *SCHEDULES.values(), *FAMILIES.values(), Hashed, Retrieve,
         AdaptiveDropout]  # fmt: skip
NOT_TOLD = {"lr", "l2"}  # in help it is the optimizer's, which is fitted
CASES = sorted(
    {
        (field.name, float(field.default))
        for kind in KINDS
        for field in fields(kind)
        if isinstance(field.default, int | float) and not isinstance(field.default, bool)
        and field.name in HELP and field.name not in NOT_TOLD
    }
)  # fmt: skip


def told(name):
    """The numbers that the help of an option tells as defaults."""
    _, _, text = HELP[name].partition("efault")
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,.e-]*\d|\d", text)]


def test_there_are_defaults_to_compare():
    assert len(CASES) > 20


@pytest.mark.parametrize(("name", "default"), CASES)
def test_the_default_of_a_setting_is_told(name, default):
    option = next(option for option in train.params if option.name == name)
    assert default in (told(name) or [option.default])


def test_the_epochs_of_every_model_are_told():
    of_tagger = [epochs_of(1000), epochs_of(1)]
    dense = ff.Network(ff.Linear(4, 3))
    bag = ff.Network(ff.EmbeddingBag(4, 2), ff.Linear(2, 3))
    assert {settings.max_epochs for settings in PRESETS.values()} == {None}
    assert told("max_epochs") == [usual(net)["max_epochs"] for net in (dense, bag)] + of_tagger


def test_the_sizes_of_a_network_are_told():
    assert told("bag") == [network_options._BAG]
    for name, share in network_options._DROPOUTS.items():
        assert told(name) == [share]
