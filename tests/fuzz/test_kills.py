"""Trainings that are killed and go on end as if nothing had happened."""

from tests.fuzz.lines import printed_by


def test_what_is_killed_goes_on_to_the_same_end(tmp_path):
    kinds = "dense,bag,early stopping,saving,command"
    words = ("--kinds", kinds, "--tries", "15", "--keep", str(tmp_path))
    code, printed = printed_by(*words, module="tests.fuzz.kills")
    assert code == 0, printed
