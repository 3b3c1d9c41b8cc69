"""Hostile inputs: files, settings and calls that nobody should make, and what must come of them.

    python -m tests.fuzz --minutes 60         # from the root of the repository: all areas
    python -m tests.fuzz --smoke              # the same tries each time, a minute on one core
    python -m tests.fuzz --areas data --tries 100000 --jobs 2
    python -m tests.fuzz --replay data:12345 --keep found
    python -m tests.fuzz.kills --tries 200    # kill -9 at random moments, then go on
    python -m tests.fuzz.races --minutes 10   # ask a model everything while it is trained
    python -m tests.fuzz.guided data          # led by coverage, if atheris is installed

A try is a whole number in an area (`models`, `data`, `toml`, `api`): the same number makes the same
input, always. Cases that once failed have an area of their own, `seeds`, which every run begins
with. Tries run in processes of their own, with a limit of memory and a watchdog that counts seconds
of the processor, not of the clock.

What is asked of the library either works or is refused clearly (`verdict.py`), and what works keeps
some laws (`laws.py`). Everything else is a finding: a line with its number, the input kept in a
folder, and exit code 1.
"""
