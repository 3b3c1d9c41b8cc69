"""A network of integers as sources of C: the runtime, the image, and vectors to test both with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from ..base.files import PathLike
from ..base.replacing import replacing
from ..data import Dataset
from ..data.features import Features
from .quantized import Quantized

RUNTIME = ("fewfire.h", "fewfire.c", "test.c")
_VECTORS = 20
_PER_LINE = 96  # characters of numbers in a line


def export_c(model: Quantized, data: Dataset, folder: PathLike) -> list[Path]:
    """Write what a device needs to compute the model; return the files.

    Parameters
    ----------
    model : Quantized
    data : Dataset
        Its first 20 examples become test vectors.
    folder : path
        Made if it is not there.

    Raises
    ------
    ValueError
        If `data` has no example or does not fit the model.
    OSError
        If a file cannot be written.

    Examples
    --------
    >>> from fewfire import Linear, Network
    >>> from fewfire.device import quantize
    >>> data = Dataset([[1.0, 0, 2, 1], [0, 1, 1, 0]])
    >>> net = Network(Linear(4, 8, "relu"), Linear(8, 3), random_state=0)
    >>> files = export_c(quantize(net, data), data, "out")
    >>> [path.name for path in files]
    ['fewfire.h', 'fewfire.c', 'test.c', 'model.bin', 'model.c', 'model.h', 'vectors.h', 'README']
    """
    some = data[:_VECTORS]
    if len(some) == 0:
        raise ValueError("test vectors want an example: the data set has none")
    x = np.asarray(_dense(model.bytes_of(some)), np.uint8)
    logits, image = model.logits(some), model.image
    own = resources.files(__package__) / "runtime"
    texts: dict[str, str | bytes] = {name: (own / name).read_bytes() for name in RUNTIME}
    texts |= {
        "model.bin": image,
        "model.c": _image_source(image),
        "model.h": _header(model, len(image)),
        "vectors.h": _vectors(x, logits),
        "README": _readme(model, len(image)),
    }
    if model.integers.steps.common is None:
        texts["steps.h"] = _steps(model)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with replacing(place / name) as file:
            file.write(text if isinstance(text, bytes) else text.encode())
    return [place / name for name in texts]


def _dense(x: Features) -> Any:
    toarray = getattr(x, "toarray", None)
    return x if toarray is None else toarray()


def _image_source(image: bytes) -> str:
    words = ", ".join(f"{word:#x}" for word in np.frombuffer(image, "<u4").tolist())
    body = "\n".join(f"  {line}" for line in wrap(words, _PER_LINE))
    return (
        '/* model.bin as words. */\n#include "model.h"\n\n'
        f"const uint32_t model_image[MODEL_IMAGE_BYTES / 4] = {{\n{body}\n}};\n"
    )


def _header(model: Quantized, n_bytes: int) -> str:
    net = model.integers.net
    macros = {
        "MODEL_IMAGE_BYTES": f"{n_bytes}u",
        "MODEL_SCRATCH_BYTES": f"{net.scratch_bytes}u",
        "MODEL_INPUTS": f"{net.n_inputs}u",
        "MODEL_OUTPUTS": f"{net.n_outputs}u",
    }
    defined = "\n".join(f"#define {name} {value}" for name, value in macros.items())
    names = model.label_names
    if names is not None:
        listed = ", ".join(json.dumps(str(name)) for name in names)
        defined += f"\n#define MODEL_LABELS {{{listed}}} /* in the order of outputs */"
    return f"""/* What a program must know of the model, before it runs. */
#ifndef MODEL_H
#define MODEL_H

#include <stdint.h>

{defined}

/* Say what scratch and scores may take, and compiling fails where they need more. */
#if defined(MODEL_RAM_LIMIT) && MODEL_SCRATCH_BYTES + 4 * MODEL_OUTPUTS > MODEL_RAM_LIMIT
#error "the model needs more RAM than MODEL_RAM_LIMIT"
#endif

/* Inputs are bytes: {_input_note(model)}
   Scores are in units of {model.integers.unit:.9g}. */
extern const uint32_t model_image[MODEL_IMAGE_BYTES / 4];

#endif
"""


def _input_note(model: Quantized) -> str:
    steps = model.integers.steps
    if steps.common is not None:
        return f"the values that the model was trained on / {steps.common:.9g}."
    return "(value - MODEL_LOW[j]) / MODEL_STEP[j] of input j, see steps.h."


def _steps(model: Quantized) -> str:
    steps = model.integers.steps
    named = {"MODEL_LOW": steps.low, "MODEL_STEP": steps.step}
    lines = ["/* Byte j is (value - MODEL_LOW[j]) / MODEL_STEP[j], rounded, 0 to 255. */"]
    for name, values in named.items():
        numbers = "\n".join(
            f"  {line}" for line in wrap(", ".join(f"{x:.9e}f" for x in values), _PER_LINE)
        )
        lines.append(f"static const float {name}[MODEL_INPUTS] = {{\n{numbers}\n}};")
    return "\n".join(lines) + "\n"


def _vectors(x: Any, logits: Any) -> str:
    return f"""/* Inputs, and the scores that the exporter computed of them. */
#define MODEL_VECTORS {len(x)}u

static const uint8_t model_inputs[MODEL_VECTORS][MODEL_INPUTS] = {{
{_table(x)}
}};

static const int32_t model_logits[MODEL_VECTORS][MODEL_OUTPUTS] = {{
{_table(logits)}
}};
"""


def _table(rows: Sequence[Any]) -> str:
    return ",\n".join("\n".join(_row(row.tolist())) for row in rows)


def _row(numbers: Sequence[int]) -> Iterator[str]:
    lines = wrap(", ".join(map(str, numbers)), _PER_LINE)
    yield "  {"
    yield from (f"    {line}" for line in lines)
    yield "  }"


def _readme(model: Quantized, n_bytes: int) -> str:
    net = model.integers.net
    return f"""A network of integers for a small device, made by fewfire.

fewfire.h, fewfire.c   the runtime: C99, no heap, no floating point; the same for every model
model.h                sizes, names of outputs, and what the bytes of an input mean
model.bin, model.c     the image, {n_bytes:,} bytes: a file, and the same as an array
vectors.h, test.c      examples with the scores that must come out; exits with 0 if they do

    cc -std=c99 -Os -o test test.c fewfire.c model.c && ./test

A program calls ff_check(model_image, MODEL_IMAGE_BYTES) once, and then for each example
ff_predict(model_image, x, scratch, logits), or ff_topk for inputs that are mostly 0.
It needs {net.scratch_bytes:,} bytes of scratch and {4 * net.n_outputs:,} of scores.
"""
