"""Stops are heard when they do no harm, none is lost, and handlers are put back."""

import signal

import pytest

from fewfire.base.interrupts import (
    STOPS,
    deferred_interrupts,
    interrupted_once,
    stops_as_interrupts,
)

TERM, HUP, INT = signal.SIGTERM, signal.SIGHUP, signal.SIGINT


@pytest.fixture(autouse=True)
def _usual_handlers():
    before = {stop: signal.getsignal(stop) for stop in STOPS}
    for stop in STOPS:
        signal.signal(stop, signal.default_int_handler if stop == INT else signal.SIG_DFL)
    usual = [signal.getsignal(stop) for stop in STOPS]
    yield
    assert [signal.getsignal(stop) for stop in STOPS] == usual
    for stop, handler in before.items():
        signal.signal(stop, handler)


@pytest.mark.parametrize("first", STOPS)
def test_a_stop_behind_the_first_asks_for_what_is_under_way(first):
    with stops_as_interrupts() as heard:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(first)
        for again in (TERM, HUP):
            signal.raise_signal(again)
        with pytest.raises(KeyboardInterrupt):  # a human ends it at once
            signal.raise_signal(INT)
    assert heard == [first, INT]


def test_in_a_block_inside_a_stop_is_the_first_again():
    with stops_as_interrupts() as outer:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(TERM)
        with stops_as_interrupts() as inner, pytest.raises(KeyboardInterrupt):
            signal.raise_signal(TERM)
        signal.raise_signal(TERM)
    assert (outer, inner) == ([TERM, TERM], [TERM])


def fail_at(stop):
    signal.raise_signal(stop)
    raise OSError("the disk is full")


@pytest.mark.parametrize("stop", STOPS)
def test_a_block_that_raises_has_its_stop_heard_all_the_same(stop):
    with stops_as_interrupts() as heard:
        with pytest.raises(KeyboardInterrupt) as raised, deferred_interrupts():
            fail_at(stop)
        assert isinstance(raised.value.__context__, OSError)
    assert heard == [stop]


def test_a_stop_while_handlers_are_put_back_is_heard_and_so_are_later_ones(monkeypatch):
    put, sent = signal.signal, []

    def put_and_stop(number, handler):
        if handler is interrupter and not sent:
            sent.append(number)
            signal.raise_signal(HUP)  # its handler is still that of the block
        return put(number, handler)

    with stops_as_interrupts() as heard:
        interrupter = signal.getsignal(TERM)
        with pytest.raises(KeyboardInterrupt), deferred_interrupts():
            monkeypatch.setattr(signal, "signal", put_and_stop)
        monkeypatch.undo()
        assert heard == [HUP]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(INT)


def test_a_block_is_interrupted_once():
    with interrupted_once() as once:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(INT)
        signal.raise_signal(INT)  # waits
        assert not once.is_late
    assert once.is_late


def test_a_block_that_is_ending_is_not_interrupted():
    with interrupted_once() as once:
        once.is_ending = True
        signal.raise_signal(INT)
    assert once.is_late


def test_handlers_that_do_not_interrupt_hear_all():
    heard = []
    before = signal.signal(INT, lambda number, frame: heard.append(number))
    with interrupted_once() as once:
        signal.raise_signal(INT)
        signal.raise_signal(INT)
        once.is_ending = True
        signal.raise_signal(INT)
        assert len(heard) == 2
    signal.signal(INT, before)
    assert len(heard) == 3
    assert not once.is_late
