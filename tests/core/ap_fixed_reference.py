"""Conversions done by the genuine ap_fixed headers: a C++ program is written, compiled and run.

The headers (Apache-2.0, "Vivado HLS arbitrary precision types") come with the PyPI package hls4ml, from
which nothing else is used or imported.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netloom.core.fixed import Format, IntArray, Overflow, Rounding

MODES = tuple(itertools.product(Rounding, Overflow))
HEADER = "hls4ml/templates/vivado/ap_types/ap_fixed.h"


@dataclass(frozen=True)
class Conversion:
    """A conversion into ``target`` from ``source`` or, without one, from double; no width is 0."""

    source: Format | None
    target: Format


# What random draws would miss: one-bit formats, shifts beyond either width, and equal formats.
_EDGE_PAIRS = (
    ("fixed<8,4>", "fixed<1,1>"),
    ("fixed<8,4>", "ufixed<1,2>"),
    ("fixed<1,1>", "fixed<1,1>"),
    ("ufixed<1,0>", "fixed<6,3>"),
    ("fixed<40,20>", "fixed<40,20>"),
    ("fixed<6,-30>", "fixed<12,8>"),
    ("fixed<5,20>", "fixed<40,2>"),
    ("fixed<12,40>", "ufixed<9,-3>"),
)


def format_pairs(rng: np.random.Generator, count: int) -> list[tuple[Format, Format]]:
    """Return (source, target): the edge pairs, then random ones with points -10 to 24 places apart."""
    pairs = [(Format.parse(source), Format.parse(target)) for source, target in _EDGE_PAIRS]
    while len(pairs) < count:
        source_width, target_width = (int(width) for width in rng.integers(1, 41, 2))
        source = Format(source_width, int(rng.integers(-12, 24)), bool(rng.integers(2)))
        target_fraction = source.fraction - int(rng.integers(-10, 25))
        pairs.append((source, Format(target_width, target_width - target_fraction, bool(rng.integers(2)))))
    return pairs


def mantissas(rng: np.random.Generator, source: Format, target: Format, count: int) -> IntArray:
    """Return mantissas of ``source``: extremes, uniform, small, near ties and near the target's ends."""
    low, high = source.min_mantissa, source.max_mantissa
    share = count // 4
    shift = source.fraction - target.fraction
    half = 1 << shift - 1 if 0 < shift <= source.width else 1
    halves = rng.integers(low // half, high // half, share, endpoint=True) * half
    near_ties = halves + rng.integers(-1, 2, share)
    ends = [_rescaled(end, shift) for end in (target.min_mantissa, target.max_mantissa)]
    near_ends = rng.choice(np.clip(ends, low, high), share) + rng.integers(-3 * half, 3 * half + 1, share)
    small = rng.integers(low, high, share, endpoint=True) >> rng.integers(0, source.width, share)
    extremes = np.array([low, low + 1, -1, 0, 1, high - 1, high, high // 3])
    uniform = rng.integers(low, high, count - 3 * share - extremes.size, endpoint=True)
    drawn: IntArray = np.concatenate([extremes, near_ties, near_ends, small, uniform])
    return np.clip(drawn, low, high)


def _rescaled(mantissa: int, shift: int) -> int:
    """Return a target mantissa in steps of the source, kept inside int64."""
    exact = mantissa << shift if shift >= 0 else mantissa >> -shift
    return max(-(2**62), min(exact, 2**62))


class ApFixed:
    """Compiled conversions, each in every one of the 28 mode pairs."""

    def __init__(self, conversions: list[Conversion], directory: Path) -> None:
        """Write and compile the program; takes about a second for each conversion."""
        self._conversions = conversions
        self._program = directory / "ap_fixed_reference"
        source = self._program.with_suffix(".cpp")
        source.write_text(_program(conversions))
        # NDEBUG: the headers assert a bound on a bit they read but do not use when a shift is wider
        # than the source.
        options = ["-std=c++14", "-O1", "-w", "-DNDEBUG", f"-I{_header_folder()}"]
        subprocess.run(["g++", *options, source, "-o", self._program], check=True)

    def run(self, inputs: list[IntArray] | list[NDArray[np.float64]]) -> IntArray:
        """Convert mantissas or doubles, equally many for each conversion.

        Returns:
            Mantissas of the targets, shaped [conversion, mode pair in the order of MODES, sample].
        """
        samples = inputs[0].size
        data = np.stack(inputs).tobytes()
        result = subprocess.run([self._program, str(samples)], input=data, stdout=subprocess.PIPE, check=True)
        return np.frombuffer(result.stdout, np.int64).reshape(len(self._conversions), len(MODES), samples)


def _header_folder() -> Path:
    """Find the headers without importing hls4ml.

    Raises:
        FileNotFoundError: they are not installed.
    """
    try:
        header = Path(str(importlib.metadata.distribution("hls4ml").locate_file(HEADER)))
    except importlib.metadata.PackageNotFoundError:
        header = Path(HEADER)
    if not header.is_file():
        raise FileNotFoundError(
            f"{HEADER} is missing: the ap_fixed headers come with the PyPI package hls4ml, "
            "which the extra netloom[test] installs"
        )
    return header.parent


_PRELUDE = """\
#include "ap_fixed.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

template <class T> T from_word(const T*, long long mantissa) {
    T value;
    value.V = mantissa;
    return value;
}

double from_word(const double*, long long bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

template <class Source, class Target> void convert(const std::vector<long long>& in) {
    std::vector<long long> out;
    for (long long word : in) {
        Target target = from_word(static_cast<Source*>(nullptr), word);
        out.push_back(target.V.get_VAL());
    }
    fwrite(out.data(), sizeof(long long), out.size(), stdout);
}

int main(int, char** argv) {
    std::vector<long long> in(atol(argv[1]));
"""


def _program(conversions: list[Conversion]) -> str:
    """Return the program: reads the samples of each conversion, writes its results mode by mode."""
    lines = [_PRELUDE]
    for conversion in conversions:
        lines.append("    if (fread(in.data(), sizeof(long long), in.size(), stdin) != in.size()) return 1;")
        source = "double" if conversion.source is None else _cpp(conversion.source)
        for rounding, overflow in MODES:
            target = _cpp(conversion.target, f", AP_{rounding.value}, AP_{overflow.value}")
            lines.append(f"    convert<{source}, {target}>(in);")
    return "\n".join([*lines, "}", ""])


def _cpp(format: Format, modes: str = "") -> str:
    return f"{'ap_fixed' if format.signed else 'ap_ufixed'}<{format.width}, {format.integer}{modes}>"
