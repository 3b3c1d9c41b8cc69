"""Compilers and emulators, those that are here, and what the runtime computes through them."""

import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1] / "device"
RUNTIME = Path(str(resources.files("fewfire.device"))) / "runtime"
WARNINGS = [
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wshadow",
    "-Wconversion",
    "-Wcast-qual",
    "-Wstrict-prototypes",
    "-Werror",
]
HOSTED = {
    "gcc": (["gcc"], []),
    "clang": (["clang"], []),
    "arm": (["arm-linux-gnueabihf-gcc", "-mthumb", "-static"], ["qemu-arm"]),
    "aarch64": (["aarch64-linux-gnu-gcc", "-static"], ["qemu-aarch64"]),
    "riscv64": (["riscv64-linux-gnu-gcc", "-static"], ["qemu-riscv64"]),
}
M3 = ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-Os", "-ffreestanding"]
BOARD = [
    "qemu-system-arm",
    "-M",
    "mps2-an385",
    "-nographic",
    "-icount",
    "shift=0",
    "-semihosting-config",
    "enable=on,target=native",
    "-kernel",
]
LONGEST = 900  # seconds that nothing takes


def need(*tools):
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)}: not installed")


def run(command, cwd):
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=LONGEST
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def hash_of(logits):
    found = 0
    for value in logits.ravel().tolist():
        found = (found * 31 + value) & 0xFFFFFFFF
    return found


def said(text):
    """What tests/device/whole.c prints: numbers by name."""
    return {name: int(value, 16) for name, value in map(str.split, text.splitlines()) if value}


def whole(target, folder):
    """Compute the examples of x.bin in `folder`, which an export is in, hosted on a target."""
    compiler, emulator = HOSTED[target]
    need(compiler[0], *emulator)
    sources = [HERE / "whole.c", "fewfire.c", "model.c"]
    run([*compiler, *WARNINGS, "-Os", "-I.", *sources, "-o", target], folder)
    return said(run([*emulator, f"./{target}"], folder))


def on_board(folder, *more):
    """Compute the examples of x.bin on a Cortex-M3 without an operating system."""
    need(M3[0], BOARD[0])
    sources = [HERE / "whole.c", "fewfire.c", "model.c", "-lgcc"]
    flags = ["-std=gnu99", "-DBOARD", "-nostdlib", "-nostartfiles", "-T", HERE / "board.ld", "-I."]
    run([*M3, *flags, *more, *sources, "-o", "board.elf"], folder)
    done = subprocess.run(
        [*BOARD, "board.elf"], cwd=folder, capture_output=True, text=True, timeout=LONGEST
    )
    return said(done.stderr)  # where the emulator puts what the board says


def mutate(folder, n, seed):
    """Damage the image of the export in `folder` n times, under sanitizers; return how many images
    were tried, refused and computed."""
    need("gcc")
    sanitized = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
    sources = [HERE / "mutate.c", "fewfire.c", "model.c"]
    run(["gcc", "-std=c99", *sanitized, "-I.", *sources, "-o", "mutate"], folder)
    return tuple(map(int, run(["./mutate", n, seed], folder).split()))
