"""No pragma is emitted that is not in the vendor's table, and no table says what the manual does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import netloom
from netloom.backends.catapult.vendor import CATAPULT
from netloom.backends.hls.pragmas import PURPOSES
from netloom.backends.hls.vendor import Vendor
from netloom.backends.quartus.vendor import QUARTUS
from netloom.backends.vivado.vendor import VITIS, VIVADO
from netloom.core.plan import BuildPlan
from netloom.core.plugins import registry
from scripts.gen_pragmas import PAGE, page
from tests.backends.test_vhdl_project import every_op
from tests.shared import EXAMPLE

VENDORS = {"vivado": VIVADO, "vitis": VITIS, "quartus": QUARTUS, "catapult": CATAPULT}
CHOICES: Mapping[str, dict[str, Any]] = {
    "adder_graph": {},
    "latency": {"strategy": "latency"},
    "resource": {"strategy": "resource", "reuse_factor": 4},
}
ATTRIBUTE = re.compile(r"\bhls_\w+(?:\(\d+\))?")

FIELD = r"[\w.]+"
"""What a field of a pragma's text becomes in the program."""

MANUALS: Mapping[str, Mapping[str, frozenset[str]]] = {
    # UG902, set_directive_*, and UG1253: the words and the keys that each pragma takes.
    "vivado": {
        "ALLOCATION": frozenset({"instances=", "limit=", "function", "operation", "core"}),
        "ARRAY_PARTITION": frozenset({"variable=", "block", "cyclic", "complete", "factor=", "dim="}),
        "ARRAY_RESHAPE": frozenset({"variable=", "block", "cyclic", "complete", "factor=", "dim=", "object"}),
        "DATAFLOW": frozenset(),
        "DATA_PACK": frozenset({"variable=", "instance=", "struct_level", "field_level"}),
        "DEPENDENCE": frozenset(
            {
                "variable=",
                "array",
                "pointer",
                "inter",
                "intra",
                "RAW",
                "WAR",
                "WAW",
                "distance=",
                "true",
                "false",
            }
        ),
        "INLINE": frozenset({"region", "recursive", "off"}),
        "INTERFACE": frozenset({"ap_none", "ap_vld", "ap_hs", "ap_memory", "axis", "port=", "register"}),
        "PIPELINE": frozenset({"II=", "enable_flush", "rewind"}),
        "RESOURCE": frozenset({"variable=", "core=", "latency=", "metadata="}),
        "STREAM": frozenset({"variable=", "depth=", "dim=", "off"}),
        "UNROLL": frozenset({"factor=", "region", "skip_exit_check"}),
    },
    # UG1399, HLS Pragmas.
    "vitis": {
        "AGGREGATE": frozenset({"variable=", "compact="}),
        "ALLOCATION": frozenset({"operation", "function", "instances=", "limit="}),
        "ARRAY_PARTITION": frozenset({"variable=", "type=", "factor=", "dim=", "off="}),
        "ARRAY_RESHAPE": frozenset({"variable=", "type=", "factor=", "dim=", "off=", "object"}),
        "BIND_STORAGE": frozenset({"variable=", "type=", "impl=", "latency="}),
        "DATAFLOW": frozenset({"disable_start_propagation"}),
        "DEPENDENCE": frozenset({"variable=", "class=", "type=", "direction=", "distance=", "dependent="}),
        "INLINE": frozenset({"recursive", "off"}),
        "INTERFACE": frozenset({"mode=", "port=", "bundle=", "register", "storage_type=", "storage_impl="}),
        "PIPELINE": frozenset({"II=", "off", "rewind", "style="}),
        "STREAM": frozenset({"variable=", "type=", "depth="}),
        "UNROLL": frozenset({"factor=", "skip_exit_check", "off="}),
    },
}

VALUES = {
    "type=": {"complete", "cyclic", "block", "rom_1p", "rom_2p", "rom_np", "inter", "intra"},
    "direction=": {"RAW", "WAR", "WAW"},
    "dependent=": {"true", "false"},
    "compact=": {"bit", "byte", "none", "auto"},
    "style=": {"stp", "flp", "frp"},
    "impl=": {"bram", "lutram", "uram"},
    "mode=": {"ap_none", "ap_vld", "ap_hs", "ap_memory", "axis"},
    "core=": {"ROM_1P_BRAM", "ROM_2P_BRAM", "ROM_nP_BRAM"},
}
"""Values of keys, where the manual gives a list: UG1399, pragma HLS bind_storage; UG902, table of cores."""


def texts(vendor: Vendor) -> dict[str, re.Pattern[str]]:
    """What each text of a table looks like in a program."""
    entries = {entry.text.strip() for chosen in vendor.pragmas.values() for entry in chosen}
    return {
        text: re.compile(FIELD.join(map(re.escape, re.split(r"\{\w+\}", text)))) for text in sorted(entries)
    }


def emitted(plan: BuildPlan) -> list[str]:
    """Every pragma and attribute of the sources that the tool synthesizes."""
    found = []
    for path, text in plan.files.items():
        if not path.startswith("src/"):
            continue
        for line in text.splitlines():
            code = line.split("//")[0].strip()
            if code.startswith("#pragma"):
                found.append(code)
            elif not code.startswith("#define"):
                found += ATTRIBUTE.findall(code)
    return found


@pytest.fixture(scope="module", params=[(b, c) for b in VENDORS for c in CHOICES], ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str, list[str]]:
    backend, choice = request.param
    design = netloom.compile(EXAMPLE / "model.onnx", backend=backend, **CHOICES[choice])
    return backend, choice, emitted(design.plan)


def test_every_emitted_pragma_is_one_entry_of_the_table(case: tuple[str, str, list[str]]) -> None:
    backend, _, lines = case
    known = texts(VENDORS[backend])
    assert lines
    for line in lines:
        assert len([text for text, pattern in known.items() if pattern.fullmatch(line)]) == 1, line


@pytest.mark.parametrize("backend", VENDORS)
def test_no_op_has_a_pragma_of_its_own(backend: str) -> None:
    chosen = registry().backends[backend].value
    lines = emitted(chosen.emit(every_op().finish(), chosen.options()))
    known = texts(VENDORS[backend])
    assert lines
    assert [line for line in lines if not any(p.fullmatch(line) for p in known.values())] == []


def test_shared_multipliers_and_memories_are_asked_for_where_the_tool_has_pragmas_for_them(
    case: tuple[str, str, list[str]],
) -> None:
    backend, choice, lines = case
    for word in ("ROM", "ALLOCATION"):
        wanted = choice == "resource" and backend in MANUALS
        assert any(word.lower() in line.lower() for line in lines) == wanted, word


def test_every_entry_names_its_manual_and_section() -> None:
    for vendor in VENDORS.values():
        assert set(vendor.pragmas) <= set(PURPOSES)
        for entries in vendor.pragmas.values():
            for entry in entries:
                manual, _, section = entry.manual.partition(", ")
                assert manual, entry
                assert section, entry
                assert entry.place in ("before", "inside")


@pytest.mark.parametrize("backend", MANUALS)
def test_amd_pragmas_take_only_what_their_manual_lists(backend: str) -> None:
    for entries in VENDORS[backend].pragmas.values():
        for entry in entries:
            start, tool, name, *words = entry.text.split()
            assert (start, tool) == ("#pragma", "HLS")
            for word in words:
                key, equals, value = word.partition("=")
                assert key + equals in MANUALS[backend][name], entry.text
                if key + equals in VALUES:
                    assert value in VALUES[key + equals], entry.text


def test_vitis_wants_the_kind_of_allocation_first() -> None:
    """UG1399: "the order of the arguments is important"."""
    words = [e.text.split()[2:4] for entries in VITIS.pragmas.values() for e in entries if "ALLOC" in e.text]
    assert words == [["ALLOCATION", "operation"]]


def test_the_page_of_the_documentation_is_the_tables() -> None:
    assert Path(PAGE).read_text(encoding="utf-8") == page(), "run scripts/gen_pragmas.py"


def test_the_page_has_every_text() -> None:
    written = page()
    for vendor in VENDORS.values():
        assert f"## {vendor.title}" in written
        for text in texts(vendor):
            assert f"`{text}`" in written
