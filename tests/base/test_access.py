"""Who reads a model and who changes it: in turn, whatever is raised, and after a fork."""

import copy
import threading
from contextlib import nullcontext

import pytest

from children import in_child
from commands import HANG
from fewfire.base.access import Access
from threads import Beside, await_


@pytest.fixture
def access():
    return Access()


def test_readers_are_inside_together(access):
    meeting = threading.Barrier(3)

    def read():
        with access.reading():
            meeting.wait(HANG)

    for thread in [Beside(read) for _ in range(3)]:
        thread.end()


def test_who_changes_is_alone(access):
    value, n = [0], 200

    def change():
        for _ in range(n):
            with access.changing():
                seen = value[0]
                threading.Event().wait(1e-6)  # another thread has its turn, if it can
                value[0] = seen + 1

    for thread in [Beside(change) for _ in range(3)]:
        thread.end()
    assert value[0] == 3 * n


def test_a_change_waits_for_readers_inside_and_for_no_others(access):
    """Two readers that never leave the model alone: a change gets in all the same."""
    changed = threading.Event()

    def read():
        while not changed.is_set():
            with access.reading():
                pass

    def change():
        with access.changing():
            changed.set()

    for thread in [Beside(read), Beside(read), Beside(change)]:
        thread.end()


@pytest.mark.parametrize("how", ["reading", "changing", "training"])
def test_what_is_raised_lets_go(access, how):
    with pytest.raises(KeyboardInterrupt), getattr(access, how)():
        raise KeyboardInterrupt
    Beside(lambda: enter(access)).end()
    enter(access)


def test_a_second_training_waits_for_the_first(access):
    inside, trained = threading.Event(), []

    def train():
        inside.set()
        with access.training():
            trained.append("second")

    with access.training():
        second = Beside(train)
        await_(inside)
        trained.append("first")
    second.end()
    assert trained == ["first", "second"]


def test_a_training_inside_of_a_training_is_refused_and_the_outer_one_goes_on(access):
    with access.training():
        with (
            pytest.raises(RuntimeError, match="this thread is training the model already"),
            access.training(),
        ):
            pass
        second = Beside(lambda: enter(access))
        with access.reading(), Access().training():  # of another model, why not
            pass
        assert second.is_alive()
    second.end()
    enter(access)


def test_a_copy_is_used_by_others(access):
    with access.changing(), copy.deepcopy(access).changing():
        pass


def test_a_child_holds_nothing_of_its_parents_threads(access):
    inside, over = threading.Event(), threading.Event()

    def hold():
        with access.training(), access.reading():
            inside.set()
            await_(over)

    thread = Beside(hold)
    await_(inside)
    assert in_child(lambda: enter(access)) == 0
    over.set()
    thread.end()
    enter(access)


def test_a_child_of_a_training_may_train(access):
    with access.training():
        assert in_child(lambda: enter(access)) == 0


def test_a_process_forks_when_nobody_is_changing(access):
    value, over = [0, 0], threading.Event()

    def change():
        while not over.is_set():
            with access.changing():
                value[0] += 1
                threading.Event().wait(1e-6)
                value[1] += 1

    thread = Beside(change)
    try:
        for _ in range(20):
            assert in_child(lambda: int(value[0] != value[1])) == 0
    finally:
        over.set()
        thread.end()


def test_a_fork_takes_models_in_the_order_in_which_they_were_made():
    """Two forks at once then never wait for each other."""
    models, taken = [Access() for _ in range(100)], []
    del models[::2]
    models += [Access() for _ in range(50)]  # where others were in memory

    for number, access in enumerate(models):
        access.reading = lambda number=number: nullcontext(taken.append(number))
    assert in_child(lambda: 0) == 0
    assert taken == list(range(100))


def enter(access):
    with access.training(), access.changing():
        return 0
