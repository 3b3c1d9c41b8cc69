"""An image holds its network to the bit, and a damaged one is refused, in Python as in C."""

import zlib

import numpy as np
import pytest

from device_nets import DATA, NETS, trained
from fewfire.device import quantize
from fewfire.device.image import read_image, write_image


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("bits", [8, 4])
def test_what_is_read_is_what_was_written(name, bits):
    net = quantize(NETS[name](), DATA, bits=bits).integers.net
    again = read_image(write_image(net))
    assert write_image(again) == write_image(net)
    np.testing.assert_array_equal(again.columns, net.columns)
    for one, other in zip(net.layers, again.layers, strict=True):
        for part in ("weights", "multipliers", "biases"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
        assert (one.active, one.kind, one.bits) == (other.active, other.kind, other.bits)


def test_every_damaged_byte_is_noticed():
    image = quantize(trained(widths=(3,)), DATA, bits=4).image
    for place in range(len(image)):
        damaged = bytearray(image)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(ValueError, match="device image"):
            read_image(bytes(damaged))


@pytest.mark.parametrize("word", [3, 5, 8, 9, 11, 12, 13, 15])
def test_numbers_that_do_not_fit_are_refused_under_a_right_checksum(word):
    words = np.frombuffer(quantize(trained(widths=(3,)), DATA).image, "<u4").copy()
    words[word] += 1 << 16 if word in (11, 15) else 1
    words[2] = zlib.crc32(words[3:].tobytes())
    with pytest.raises(ValueError, match=r"device image|too large"):
        read_image(words.tobytes())


@pytest.mark.parametrize("cut", [0, 3, 31, -4, -1])
def test_a_cut_image_is_refused(cut):
    with pytest.raises(ValueError, match="not a device image"):
        read_image(quantize(trained(), DATA).image[:cut])
