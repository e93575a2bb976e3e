"""Where the headers of the vendors' number types are: an installation of the vendor's, or open packages.

The headers are dependencies and no part of netloom. `ap` stands for AMD's ap_fixed and ap_int, `ac` for
Siemens' ac_fixed and ac_int, which Intel's compiler uses too.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from netloom.core.diagnostics import CompileError


@dataclass(frozen=True)
class Headers:
    """How the headers of one kind are found.

    Attributes:
        title: what they are.
        file: a header that is there when they are.
        variable: environment variable that may name their directory.
        installations: environment variables of the vendor's tools, each with the directory of the
            headers below it.
        packaged: directories below an installed Python package that carries the open headers.
    """

    title: str
    file: str
    variable: str
    installations: tuple[tuple[str, str], ...]
    packaged: tuple[tuple[str, str], ...]


KINDS: Mapping[str, Headers] = {
    "ap": Headers(
        "ap_fixed and ap_int",
        "ap_fixed.h",
        "NETLOOM_AP_TYPES",
        (("XILINX_HLS", "include"), ("XILINX_VITIS", "include"), ("XILINX_VIVADO", "include")),
        (("hls4ml", "templates/vivado/ap_types"),),
    ),
    "ac": Headers(
        "ac_fixed and ac_int",
        "ac_fixed.h",
        "NETLOOM_AC_TYPES",
        (("MGC_HOME", "shared/include"), ("INTELFPGAOCLSDKROOT", "include/ref")),
        (("hls4ml", "templates/catapult/ac_types/include"), ("hls4ml", "templates/quartus/ac_types")),
    ),
}


def find_headers(kind: str, environment: Mapping[str, str] | None = None) -> Path:
    """The directory of the headers `ap` or `ac`.

    Args:
        kind: one of `KINDS`.
        environment: variables to look in; those of the process by default.

    Raises:
        CompileError: NL604 when there are none, or the variable names a directory without them.
    """
    wanted = KINDS[kind]
    variables = os.environ if environment is None else environment
    given = variables.get(wanted.variable, "")
    if given:
        if not (Path(given) / wanted.file).is_file():
            raise CompileError(
                "NL604",
                f"{wanted.variable} is '{given}', which has no {wanted.file}",
                origin=kind,
                hint=f"set it to the directory of {wanted.file}, or unset it",
            )
        # The compiler runs in a directory of its own.
        return Path(given).absolute()
    for directory in _candidates(wanted, variables):
        if (directory / wanted.file).is_file():
            return directory
    raise CompileError(
        "NL604",
        f"the headers of {wanted.title} were not found",
        origin=kind,
        supported=f"an installation of the vendor's tool, or {wanted.variable}",
        hint="pip install 'netloom[csim]' brings the open headers",
    )


def _candidates(wanted: Headers, variables: Mapping[str, str]) -> Iterator[Path]:
    for variable, below in wanted.installations:
        if variables.get(variable):
            yield Path(variables[variable]) / below
    for package, below in wanted.packaged:
        # The package is only looked for: importing it would load a framework.
        found = importlib.util.find_spec(package)
        if found is not None and found.origin:
            yield Path(found.origin).parent / below
