"""Tries led by coverage: bytes that reach new lines of the package are kept, and changed further.

    pip install atheris                                            # 60 MB, in no extra
    python -m tests.fuzz.guided data -max_total_time=600 corpus    # options of libFuzzer
    python -m tests.fuzz.guided data crash-0a1b2c                  # again, what was found

The bytes are the choices of a try, one after another, so that what the other fuzzers change here is
changed by the structure of the input, too. The first finding ends it, and its bytes are kept.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

from .draw import Bytes

with atheris.instrument_imports(include=["fewfire"]):
    from .areas import AREAS
    from .attempt import Attempt
    from .batch import clear, strict
    from .limits import limit_memory
    from .run import fast_folder


def main() -> None:
    """Look for findings in an area until libFuzzer has enough."""
    area = AREAS[sys.argv.pop(1)]
    area.prepare()
    limit_memory()
    strict()
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder:

        def one(data: bytes) -> None:
            clear(Path(folder))
            area.attempt(Bytes(data), Attempt(Path(folder)))

        atheris.Setup(sys.argv, one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
