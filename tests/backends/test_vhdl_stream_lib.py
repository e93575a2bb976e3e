"""The library's streaming entities follow the rules of `netloom/core/dataflow.py` in every cycle."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from netloom.core.dataflow import Resample, Window
from tests.backends.stream_bench import LIBRARY, Case, analyse, check, ghdl, instance
from tests.backends.stream_rules import (
    CollectRules,
    ConstantRules,
    FifoRules,
    ReduceRules,
    ResampleRules,
    SpreadRules,
    WindowRules,
)


def pack(beats: Sequence[int], bits: int) -> int:
    """Side by side, the first least significant."""
    return sum(beat << bits * n for n, beat in enumerate(beats))


def cut(beat: int, bits: int, count: int) -> list[int]:
    return [beat >> bits * n & (1 << bits) - 1 for n in range(count)]


def literal(value: int, bits: int) -> str:
    return f'"{value:0{bits}b}"'


def vector(values: Sequence[int]) -> str:
    return f"({', '.join(f'{n} => {value}' for n, value in enumerate(values))})"


# FIFOs


def fifo(width: int, depth: int) -> Case:
    generics = {"WIDTH": str(width), "DEPTH": str(depth)}
    return Case(
        "fifo", generics, width, width, partial(FifoRules, depth), list, frame=1, cycles=1500, fewest=100
    )


@pytest.mark.parametrize("depths", [(1, 2, 3, 7, 32), (65, 70, 90)], ids=["small", "large"])
def test_a_fifo_with_a_name_reports_how_many_beats_it_held(tmp_path: Path, depths: Sequence[int]) -> None:
    models: dict[str, list[FifoRules]] = {}

    def named(depth: int) -> Case:
        models[f"q{depth}"] = made = []

        def rules() -> FifoRules:
            made.append(FifoRules(depth))
            return made[-1]

        case = fifo(3, depth)
        return replace(
            case, generics={**case.generics, "NAME": f'"q{depth}"'}, rules=rules, cycles=500, fewest=1
        )

    printed = check([named(depth) for depth in depths], tmp_path)
    reported = dict(re.findall(r"netloom: fifo (\w+) holds (\d+)", printed))
    assert reported == {name: str(max(model.most for model in made)) for name, made in models.items()}


def test_fifos_of_all_kinds(tmp_path: Path) -> None:
    check([fifo(w, d) for w in (1, 9) for d in (1, 2, 3, 4, 5, 32, 63, 64, 65, 66, 100)], tmp_path)


def test_the_kind_of_memory_does_not_show(tmp_path: Path) -> None:
    """The one for large FIFOs at the depths of the small ones."""
    text = (LIBRARY / "netloom_fifo.vhd").read_text()
    assert text.count(":= 64;") == 1
    (tmp_path / "other.vhd").write_text(text.replace(":= 64;", ":= 0;"))
    check([fifo(4, d) for d in (1, 2, 3, 4, 7, 20)], tmp_path, replaced=["other.vhd"])


# Width conversion and reduction


def collect(beats: int, width: int) -> Case:
    def results(taken: Sequence[int]) -> list[int]:
        return [pack(taken[n : n + beats], width) for n in range(0, len(taken), beats)]

    generics = {"BEATS": str(beats), "WIDTH": str(width)}
    rules = partial(CollectRules, beats)
    return Case("collect", generics, width, beats * width, rules, results, beats, 600, fewest=20)


def spread(beats: int, width: int) -> Case:
    def results(taken: Sequence[int]) -> list[int]:
        return [part for beat in taken for part in cut(beat, width, beats)]

    generics = {"BEATS": str(beats), "WIDTH": str(width)}
    rules = partial(SpreadRules, beats)
    return Case("spread", generics, beats * width, width, rules, results, 1, 600, fewest=100)


def test_collecting_beats(tmp_path: Path) -> None:
    check([collect(b, w) for b in (1, 2, 3, 4, 7) for w in (1, 5)], tmp_path)


def test_spreading_beats(tmp_path: Path) -> None:
    check([spread(b, w) for b in (1, 2, 3, 4, 7) for w in (1, 5)], tmp_path)


KINDS: Mapping[str, Callable[[Iterable[int]], int]] = {"sum": sum, "max": max, "min": min}


def reduce(beats: int, channels: int, in_bits: int, out_bits: int, signed: bool, kind: str) -> Case:
    def value(element: int) -> int:
        return element - (1 << in_bits) if signed and element >> in_bits - 1 else element

    def results(taken: Sequence[int]) -> list[int]:
        rows = [[value(element) for element in cut(beat, in_bits, channels)] for beat in taken]
        groups = [rows[n : n + beats] for n in range(0, len(rows), beats)]
        columns = [zip(*group, strict=True) for group in groups]
        mask = (1 << out_bits) - 1
        return [pack([KINDS[kind](elements) & mask for elements in column], out_bits) for column in columns]

    generics = {
        "BEATS": str(beats),
        "CHANNELS": str(channels),
        "IN_BITS": str(in_bits),
        "IN_SIGNED": str(signed).lower(),
        "OUT_BITS": str(out_bits),
        "KIND": f'"{kind}"',
    }
    bits = (channels * in_bits, channels * out_bits)
    return Case("beat_reduce", generics, *bits, partial(ReduceRules, beats), results, beats, 600, fewest=20)


def test_reducing_beats(tmp_path: Path) -> None:
    shapes = ((1, 3, 4, 1), (2, 1, 1, 0), (3, 2, 5, 2), (8, 3, 6, 3), (5, 1, 8, 0))
    cases = [
        reduce(beats, channels, in_bits, in_bits + wider, signed, kind)
        for beats, channels, in_bits, wider in shapes
        for signed in (False, True)
        for kind in ("sum", "max", "min")
    ]
    check(cases, tmp_path)


# Constants


def rom(beats: int, width: int) -> Case:
    contents = random.Random(beats).getrandbits(beats * width)
    values = cut(contents, width, beats)
    generics = {"BEATS": str(beats), "WIDTH": str(width), "CONTENTS": literal(contents, beats * width)}
    return Case(
        "rom", generics, 0, width, ConstantRules, lambda taken: values * len(taken), 1, cycles=300, fewest=60
    )


def test_constants(tmp_path: Path) -> None:
    check([rom(b, w) for b in (1, 2, 3, 5, 40) for w in (1, 6)], tmp_path)


# Windows


def windows_of(window: Window, pixels: Sequence[int], fill: int, bits: int) -> list[int]:
    """Every window of some frames; a pixel is a number of `bits` bits."""
    results = []
    for start in range(0, len(pixels), window.height * window.width):
        for i in range(window.out_height):
            for o in range(window.out_width):
                beat = []
                for r in range(window.kernel[0]):
                    for c in range(window.kernel[1]):
                        y = i * window.strides[0] - window.padding[0] + r * window.dilations[0]
                        x = o * window.strides[1] - window.padding[1] + c * window.dilations[1]
                        inside = 0 <= y < window.height and 0 <= x < window.width
                        beat.append(pixels[start + y * window.width + x] if inside else fill)
                results.append(pack(beat, bits))
    return results


def window_case(window: Window, channels: int = 1, bits: int = 5, fill: int = 0) -> Case:
    generics = {
        "HEIGHT": window.height,
        "WIDTH": window.width,
        "OUT_HEIGHT": window.out_height,
        "OUT_WIDTH": window.out_width,
        "KERNEL_H": window.kernel[0],
        "KERNEL_W": window.kernel[1],
        "STRIDE_H": window.strides[0],
        "STRIDE_W": window.strides[1],
        "DILATION_H": window.dilations[0],
        "DILATION_W": window.dilations[1],
        "PAD_TOP": window.padding[0],
        "PAD_LEFT": window.padding[1],
        "CHANNELS": channels,
        "ELEMENT_BITS": bits,
    }
    frame = window.height * window.width
    slots = max(frame, window.out_height * window.steps + window.tail)
    return Case(
        "window",
        {key: str(value) for key, value in generics.items()} | {"FILL": literal(fill, bits)},
        channels * bits,
        window.kernel[0] * window.kernel[1] * channels * bits,
        partial(WindowRules, window),
        lambda taken: windows_of(window, taken, pack([fill] * channels, bits), channels * bits),
        frame,
        cycles=8 * slots + 60,
        fewest=window.out_height * window.out_width,
    )


def random_window(rng: random.Random) -> Window:
    height, width = rng.randint(1, 7), rng.choice((1, 2, 3, 4, 5, 6, 7))
    kernel = (rng.randint(1, 4), rng.randint(1, 4))
    strides = (rng.randint(1, 4), rng.randint(1, 4))
    dilations = (rng.choice((1, 1, 2, 3)), rng.choice((1, 1, 2, 3)))
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    padding = (rng.randint(-1, spans[0] + 1), rng.randint(-1, spans[1] - 1))
    outs = [
        rng.randint(1, max(1, (size + pad + 3) // stride))
        for size, pad, stride in zip((height, width), padding, strides, strict=True)
    ]
    return Window(height, width, outs[0], outs[1], kernel, strides, dilations, padding)


def same(size: tuple[int, int], kernel: int, stride: int = 1, dilation: int = 1) -> Window:
    """Padding that leaves the size as it is, but for the stride."""
    pad = (kernel - 1) * dilation // 2
    rows, columns = (-(-n // stride) for n in size)
    return Window(*size, rows, columns, (kernel,) * 2, (stride,) * 2, (dilation,) * 2, (pad,) * 2)


def test_windows_of_usual_layers(tmp_path: Path) -> None:
    windows = [
        same((8, 8), 1),
        same((8, 8), 3),
        same((7, 9), 3, stride=2),
        same((8, 8), 5),
        same((9, 9), 3, dilation=2),
        same((6, 6), 1, stride=2),
        Window(8, 8, 4, 4, (2, 2), (2, 2)),
        Window(8, 8, 6, 6, (3, 3)),
        Window(7, 7, 3, 3, (2, 2), (2, 2)),
        Window(30, 1, 30, 1, (5, 1), padding=(4, 0)),
        Window(30, 1, 14, 1, (3, 1), strides=(2, 1)),
        Window(1, 30, 1, 30, (1, 5), padding=(0, 2)),
        Window(2, 2, 3, 3, (4, 4), padding=(2, 2)),
        Window(6, 6, 1, 1, (6, 6)),
    ]
    check([window_case(window, channels=2, bits=3, fill=4) for window in windows], tmp_path)


@pytest.mark.parametrize("seed", range(3))
def test_windows_of_any_shape(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    cases = [
        window_case(random_window(rng), rng.randint(1, 3), bits, rng.getrandbits(bits))
        for bits in [rng.randint(1, 8) for _ in range(40)]
    ]
    check(cases, tmp_path, seed)


def test_windows_never_wait_for_ever() -> None:
    """Any shape, any stalls: three frames go through, and no pixel of a fourth is needed.

    Windows of nothing but fill may come before their frame.
    """
    rng = random.Random(7)
    for _ in range(150):
        window = random_window(rng)
        model, pixels = WindowRules(window), 3 * window.height * window.width
        windows, wanted = 0, 3 * window.out_height * window.out_width
        for _ in range(20 * (pixels + 3 * window.out_height * (window.steps + window.tail))):
            space = rng.random() < 0.6
            fire = pixels > 0 and rng.random() < 0.6 and model.ready(space)
            push = space and model.valid()
            model.clock(fire, push, space)
            pixels, windows = pixels - fire, windows + push
            if pixels == 0 and windows >= wanted:
                break
        assert pixels == 0 and windows >= wanted, window


@pytest.mark.parametrize("size", [(12, 1), (1, 12), (12, 2), (8, 8)], ids=str)
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_window_moves_on_in_every_cycle(size: tuple[int, int], kernel: int) -> None:
    """The interval of a frame is its pixels, and the tail."""
    window = same(size, kernel)
    model, ends = WindowRules(window), []
    for cycle in range(6 * (size[0] * size[1] + 4)):
        if model.valid():
            ends.append(cycle)
        model.clock(model.ready(True), model.valid(), True)
    frame = size[0] * size[1]
    assert ends[4 * frame] - ends[3 * frame] == frame + window.tail


# Resampling


def resample_case(resample: Resample, bits: int) -> Case:
    """`bits`: of a part."""
    row_parts = resample.row_parts or (0,) * len(resample.rows)
    column_parts = resample.column_parts or (0,) * len(resample.columns)

    def results(taken: Sequence[int]) -> list[int]:
        return [
            cut(taken[start + row * resample.width + column], bits, resample.parts)[high + low]
            for start in range(0, len(taken), resample.height * resample.width)
            for row, high in zip(resample.rows, row_parts, strict=True)
            for column, low in zip(resample.columns, column_parts, strict=True)
        ]

    generics = {
        "HEIGHT": str(resample.height),
        "WIDTH": str(resample.width),
        "BEAT_BITS": str(bits * resample.parts),
        "PARTS": str(resample.parts),
        "ROWS": vector(resample.rows),
        "COLUMNS": vector(resample.columns),
    }
    if resample.row_parts:
        generics["ROW_PARTS"] = vector(resample.row_parts)
    if resample.column_parts:
        generics["COLUMN_PARTS"] = vector(resample.column_parts)
    frame, out = resample.height * resample.width, len(resample.rows) * len(resample.columns)
    rules = partial(ResampleRules, resample)
    cycles = 8 * (frame + out) + 60
    return Case("resample", generics, bits * resample.parts, bits, rules, results, frame, cycles, fewest=out)


def upsampled(height: int, width: int, rows: int, columns: int) -> Resample:
    return Resample(
        height,
        width,
        tuple(i // rows for i in range(height * rows)),
        tuple(o // columns for o in range(width * columns)),
    )


def depth_to_space(height: int, width: int, block: int) -> Resample:
    whole = upsampled(height, width, block, block)
    return Resample(
        height,
        width,
        whole.rows,
        whole.columns,
        block * block,
        tuple(i % block * block for i in range(height * block)),
        tuple(o % block for o in range(width * block)),
    )


def random_resample(rng: random.Random) -> Resample:
    height, width = rng.randint(1, 5), rng.randint(1, 5)
    rows = tuple(sorted(rng.randrange(height) for _ in range(rng.randint(1, 8))))
    columns = tuple(sorted(rng.randrange(width) for _ in range(rng.randint(1, 8))))
    if rng.random() < 0.5:
        return Resample(height, width, rows, columns)
    high, low = rng.randint(1, 3), rng.randint(1, 3)
    row_parts = tuple(rng.randrange(high) * low for _ in rows)
    column_parts = tuple(rng.randrange(low) for _ in columns)
    return Resample(height, width, rows, columns, high * low, row_parts, column_parts)


def test_resampling_of_usual_layers(tmp_path: Path) -> None:
    resamples = [
        upsampled(4, 4, 2, 2),
        upsampled(3, 5, 3, 1),
        upsampled(1, 1, 4, 4),
        Resample(6, 6, tuple(range(1, 5)), tuple(range(2, 6))),
        Resample(7, 7, (0, 2, 4, 6), (0, 2, 4, 6)),
        depth_to_space(3, 4, 2),
        depth_to_space(2, 2, 3),
        Resample(6, 1, (0, 1, 2, 3, 4, 5), (0,)),
    ]
    check([resample_case(resample, 4) for resample in resamples], tmp_path)


def test_resampling_of_any_kind(tmp_path: Path) -> None:
    rng = random.Random(1)
    check([resample_case(random_resample(rng), rng.randint(1, 6)) for _ in range(60)], tmp_path)


# Synthesis


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("library")
    analyse(directory)
    return directory


@pytest.mark.parametrize(
    ("case", "memories"),
    [
        (fifo(8, 1), 0),
        (fifo(8, 2), 0),
        (fifo(8, 3), 1),
        (fifo(8, 64), 1),
        (fifo(8, 65), 1),
        (fifo(18, 1024), 1),
        (collect(1, 4), 0),
        (collect(3, 4), 0),
        (spread(1, 4), 0),
        (spread(3, 4), 0),
        (reduce(1, 1, 4, 4, False, "max"), 0),
        (reduce(49, 3, 8, 14, True, "sum"), 0),
        (window_case(same((8, 8), 1)), 1),
        (window_case(same((32, 32), 3), channels=3, bits=8), 3),
        (window_case(Window(28, 28, 14, 14, (2, 2), (2, 2)), channels=2), 2),
        (window_case(same((20, 20), 3, dilation=2)), 5),
        (window_case(Window(40, 1, 38, 1, (3, 1))), 0),
        (resample_case(upsampled(8, 8, 2, 2), 8), 1),
        (resample_case(depth_to_space(8, 8, 2), 8), 1),
        (rom(1, 8), 0),
        (rom(64, 8), 0),
    ],
    ids=lambda value: value.entity if isinstance(value, Case) else str(value),
)
def test_synthesis_finds_the_memories(analysed: Path, case: Case, memories: int) -> None:
    directions = {"in": ("clk", "rst", "out_ready"), "out": ("out_valid",)}
    ports = [f"dut_{port} : {way} std_logic" for way, names in directions.items() for port in names]
    ports.append(f"dut_out_data : out std_logic_vector({case.out_bits - 1} downto 0)")
    if case.in_bits:
        ports += ["dut_in_valid : in std_logic", "dut_in_ready : out std_logic"]
        ports.append(f"dut_in_data : in std_logic_vector({case.in_bits - 1} downto 0)")
    (analysed / "top.vhd").write_text(
        "library ieee;\nuse ieee.std_logic_1164.all;\n"
        f"entity top is\n  port ({'; '.join(ports)});\nend entity top;\n"
        f"architecture one of top is\nbegin\n{instance(case, 'dut')}end architecture one;\n"
    )
    ghdl(analysed, "-a", "--std=08", "top.vhd")
    printed = ghdl(analysed, "--synth", "--std=08", "top")
    assert printed.count("found RAM") == memories
    assert "latch" not in printed
