"""Who reads a model and who changes it: in turn, whatever is raised, and after a fork."""

import copy
import threading

import pytest

from children import in_child
from fewfire.base.access import Access


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.fixture
def access():
    return Access()


def test_readers_are_inside_together(access):
    meeting = threading.Barrier(3)

    def read():
        with access.reading():
            meeting.wait()

    threads = [in_thread(read), in_thread(read)]
    with access.reading():
        meeting.wait()
    for thread in threads:
        thread.join()


def test_who_changes_is_alone(access):
    value, n = [0], 200

    def change():
        for _ in range(n):
            with access.changing():
                seen = value[0]
                threading.Event().wait(1e-6)  # another thread has its turn, if it can
                value[0] = seen + 1

    threads = [in_thread(change) for _ in range(3)]
    for thread in threads:
        thread.join()
    assert value[0] == 3 * n


def test_a_change_waits_for_readers_inside_and_for_no_others(access):
    """Two readers that never leave the model alone: a change gets in all the same."""
    changed = threading.Event()

    def read():
        while not changed.is_set():
            with access.reading():
                pass

    threads = [in_thread(read), in_thread(read)]
    with access.changing():
        changed.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("how", ["reading", "changing", "training"])
def test_what_is_raised_lets_go(access, how):
    with pytest.raises(KeyboardInterrupt), getattr(access, how)():
        raise KeyboardInterrupt
    entered = threading.Event()

    def enter():
        with access.training(), access.changing():
            entered.set()

    in_thread(enter).join()
    assert entered.is_set()


def test_a_copy_is_used_by_others(access):
    with access.changing(), copy.deepcopy(access).changing():
        pass


def test_a_child_holds_nothing_of_its_parents_threads(access):
    inside, over = threading.Event(), threading.Event()

    def hold():
        with access.training(), access.reading():
            inside.set()
            over.wait()

    thread = in_thread(hold)
    inside.wait()
    assert in_child(lambda: enter(access)) == 0
    over.set()
    thread.join()
    enter(access)


def test_a_process_forks_when_nobody_is_changing(access):
    value, over = [0, 0], threading.Event()

    def change():
        while not over.is_set():
            with access.changing():
                value[0] += 1
                threading.Event().wait(1e-6)
                value[1] += 1

    thread = in_thread(change)
    try:
        for _ in range(20):
            assert in_child(lambda: int(value[0] != value[1])) == 0
    finally:
        over.set()
        thread.join()


def enter(access):
    with access.training(), access.changing():
        return 0
