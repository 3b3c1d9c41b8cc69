"""Model files: the parts of a good one are changed and written again by the project's own writer,
so that only what was changed is wrong; or the bytes are changed. What loads must then work."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np

import fewfire as ff
from fewfire.base import files

from . import mutate
from .attempt import REFUSED, Attempt
from .bases import Base, bases
from .draw import Draw
from .questions import everything
from .resumes import TRAININGS, checkpoints, go_on

DTYPES = [
    "F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "I64", "I32", "I16", "I8", "U64", "U32",
    "U8", "BOOL", "C64", "F128", "", 7, None,
]  # fmt: skip
NUMPY = [np.float32, np.uint8, np.int32, np.int64, np.uint16, np.uint32, np.uint64]
HUGE = [1e38, -1e38, 3e38, np.nan, np.inf, 1e-45, 1e30, 0.0]


def prepare() -> None:
    """Make the files that are changed."""
    bases()
    checkpoints()


def attempt(draw: Draw, attempt: Attempt) -> None:
    """Change a file, load it or go on with its training, and ask it everything."""
    base = draw.one_of(checkpoints() if draw.one_in(4) else bases())
    attempt.note(base.name)
    path = attempt.folder / "model.safetensors"
    if draw.one_in(4):
        path.write_bytes(_raw(draw, attempt, base))
    else:
        _rewrite(draw, attempt, base, path)
    if base.name in TRAININGS and not draw.one_in(4):
        model = attempt.ask("resume", go_on(base.name, path), file=path)
    else:
        model = attempt.ask("load", lambda: ff.load(path), file=path)
    if model is not REFUSED:
        everything(draw, attempt, model)


def _rewrite(draw: Draw, attempt: Attempt, base: Base, path: Path) -> None:
    """Change the description and the arrays, and write them as the project does."""
    config, arrays = copy.deepcopy(base.config), dict(base.arrays)
    for _ in range(draw.between(1, 2)):
        change = draw.one_of([_description, _description, _array, _array_itself])
        attempt.note(change(draw, config, arrays))
    try:
        files.write_model(path, config, arrays)
    except (KeyError, RecursionError) as error:  # no type or depth that the writer knows
        attempt.note(f"not written: {error!r}")
        path.write_bytes(base.content[:-1])


def _description(draw: Draw, config: dict[str, Any], arrays: files.Arrays) -> str:
    part = config.get("training") if draw.one_in(2) else None
    return mutate.tree(draw, part or config)


def _array(draw: Draw, config: dict[str, Any], arrays: files.Arrays) -> str:
    """Change the numbers of an array."""
    name = draw.one_of(sorted(arrays))
    array = np.array(arrays[name])
    arrays[name] = array
    flat = array.reshape(-1)
    if flat.size == 0:
        return f"{name} is empty"
    places = [draw.below(flat.size) for _ in range(draw.between(1, 3))]
    how = draw.below(5)
    if how == 0:
        flat[:] = flat[draw.rng.permutation(flat.size)]
        return f"{name} in another order"
    with np.errstate(all="ignore"):
        if how == 1:
            value = draw.one_of(HUGE if array.dtype == np.float32 else [0, 1])
            flat[:] = value
            return f"{name} is {value} everywhere"
        if how == 2 and array.dtype == np.float32:
            factor = draw.one_of([-1.0, 1e10, 1e20, 1e30, 1e-30])
            flat *= np.float32(factor)
            return f"{name} times {factor}"
        for place in places:
            flat[place] = _value(draw, array.dtype)
    return f"{name} at {places}: {flat[places]}"


def _value(draw: Draw, dtype: np.dtype[Any]) -> Any:
    if dtype == np.float32:
        return draw.one_of(HUGE)
    limits = np.iinfo(dtype)
    near = [limits.min, limits.max, limits.min + 1, limits.max - 1, limits.max // 2, 0, 1, 2, 3, 7]
    return draw.one_of(near)


def _array_itself(draw: Draw, config: dict[str, Any], arrays: files.Arrays) -> str:
    """Change the type or shape of an array, or take it away."""
    name, how = draw.one_of(sorted(arrays)), draw.below(7)
    array = arrays[name]
    if how == 0:
        del arrays[name]
        return f"{name} is missing"
    if how == 1:
        arrays[name] = array.reshape(draw.one_of([(-1,), (1, -1), (*array.shape, 1)]))
    elif how == 2:
        arrays[name] = array[: draw.below(len(array) + 1)] if array.ndim else array
    elif how == 3:
        arrays[name] = np.concatenate([array, array]) if array.ndim else array
    elif how == 4:
        with np.errstate(all="ignore"):
            arrays[name] = array.astype(draw.one_of(NUMPY))
    elif how == 5:
        other = draw.one_of(sorted(arrays))
        arrays[name], arrays[other] = arrays[other], array
        return f"{name} and {other} change places"
    else:
        base = draw.one_of(bases())
        arrays[name] = base.arrays.get(name, array)
        return f"{name} is that of {base.name}"
    return f"{name} is {arrays[name].dtype}{arrays[name].shape}"


def _raw(draw: Draw, attempt: Attempt, base: Base) -> bytes:
    """Change the bytes, or the header as text: the writer has no hand in it."""
    size = int.from_bytes(base.content[:8], "little")
    header, data = base.content[8 : 8 + size], base.content[8 + size :]
    how = draw.below(5)
    if how == 0:
        changed, done = mutate.content(draw, base.content)
        attempt.note(done)
        return changed
    if how == 1:
        other = draw.one_of(bases())
        attempt.note(f"the arrays are those of {other.name}")
        return base.content[: 8 + size] + other.content[8 + size :]
    if how == 2:
        header, done = mutate.words(draw, header)
    else:
        header, done = _entry(draw, header, len(data))
    attempt.note(done)
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data


def _entry(draw: Draw, header: bytes, size: int) -> tuple[bytes, str]:
    """Change what the header says of an array."""
    entries = json.loads(header)
    name = draw.one_of(sorted(entries.keys() - {"__metadata__"}))
    entry, how = entries[name], draw.below(4)
    if how == 0:
        entry["dtype"] = draw.one_of(DTYPES)
    elif how == 1:
        entry["shape"] = [draw.one_of(mutate.INTEGERS) for _ in range(draw.below(4))]
    elif how == 2:
        ends = [*mutate.INTEGERS, size, size - 1, size + 1, *entry["data_offsets"]]
        entry["data_offsets"] = [draw.one_of(ends), draw.one_of(ends)]
    else:
        mutate.tree(draw, entry)
    return json.dumps(entries).encode(), f"{name}: {entry!r:.100}"
