"""The conformance kit passes a sound backend, notices every flaw, and says where it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netloom.testing import BackendConformance
from netloom.testing.models import MODELS

pytestmark = pytest.mark.usefixtures("toys")


def kit(name: str, **attributes: Any) -> BackendConformance:
    """The kit for one backend, as the subclass that a third party writes."""
    made: type[BackendConformance] = type("TestToy", (BackendConformance,), {"backend": name, **attributes})
    return made()


def failure(test: Any, *arguments: Any, **named: Any) -> str:
    """What a test of the kit says when it fails, which it must."""
    with pytest.raises((AssertionError, pytest.fail.Exception)) as caught:
        test(*arguments, **named)
    return str(caught.value)


def pack(name: str) -> Any:
    return BackendConformance.all_packs()[name]


def run_pytest(directory: Path, name: str, body: str = "", every: int = 1) -> tuple[dict[str, int], str]:
    """Outcomes and text of a whole run of the kit in a process of its own."""
    lines = ["from netloom.testing import BackendConformance", "", "", "class TestToy(BackendConformance):"]
    (directory / "test_toy.py").write_text("\n".join([*lines, f'    backend = "{name}"', body, ""]))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "test_toy.py"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(directory), "NETLOOM_CONFORMANCE_EVERY": str(every)},
        capture_output=True,
        text=True,
        check=False,
    )
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", done.stdout.splitlines()[-1])}
    return counts, done.stdout


def test_a_sound_backend_passes_everything_and_nothing_is_skipped(toys: Path) -> None:
    counts, text = run_pytest(toys, "toy")
    assert counts["passed"] > 30, text
    assert set(counts) <= {"passed", "in"}, text


def test_a_backend_that_declares_what_it_does_not_have_passes(toys: Path) -> None:
    counts, text = run_pytest(
        toys, "toy-small", '    unsupported_ops = frozenset({"nn.hardmax", "da.kernel"})', every=5
    )
    assert counts["passed"] > 30, text
    assert set(counts) <= {"passed", "in"}, text
    assert "without_hardware" not in text


def test_a_backend_of_no_name_fails_with_those_that_exist(toys: Path) -> None:
    counts, text = run_pytest(toys, "toyz", every=50)
    assert counts["failed"] > 5
    assert "no plugin provides a backend 'toyz'; there are" in text


def test_a_flipped_bit_is_found_and_named() -> None:
    message = failure(kit("toy-flips").test_ops, "parallel", pack("tables-0"))
    assert message == (
        "backend 'toy-flips', io 'parallel': 1 of 63 cases differ from the interpreter\n"
        "  case:     fx.threshold fixed<22,30>, no thresholds\n"
        "  op:       fx.threshold, result ufixed<2,2>\n"
        "  first at: sample 5, element (0, 0, 1) (1 of 768 elements differ)\n"
        "  input:    x0[0, 0, 1] = 1 (value 256) in fixed<22,30>\n"
        "  expected: 3 (value 3)\n"
        "  got:      2 (value 2)"
    )


def test_forgotten_rounding_is_found_in_the_casts_that_round() -> None:
    message = failure(kit("toy-truncates").test_ops, "parallel", pack("casts-0"))
    head, *lines = message.splitlines()
    assert re.search(r": \d\d of 88 cases differ", head)
    assert "TRN," not in message
    assert lines[0].startswith("  case:     fx.cast fixed<7,2> to fixed<4,1,")
    assert "  op:       fx.cast, result fixed<4,1>" in lines
    assert any(re.match(r"  input:    x0\[\d+\] = -?\d+ \(value .*\) in fixed<7,2>", line) for line in lines)
    assert sum(line.startswith("  also:     fx.cast ") for line in lines) == 1
    assert re.search(r"and \d+ more$", message)


def test_a_backend_that_fails_on_one_op_is_told_which() -> None:
    message = failure(kit("toy-crashes").test_ops, "parallel", pack("trees-0"))
    assert message == (
        "backend 'toy-crashes', io 'parallel': ZeroDivisionError where a result is due\n"
        "  case:     nn.hardmax fixed<3,2>[3, 7] along axis 0\n"
        "  error:    of all things"
    )


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("toy-drops", "the simulator gave 0 outputs for 1 output ports"),
        ("toy-reshapes", "the simulator gave an array of int64 of shape (32, 24) instead of int64 of shape"),
        ("toy-blind", "the backend 'toy-blind' has no simulator"),
    ],
)
def test_simulators_that_give_something_else(name: str, found: str) -> None:
    assert found in failure(kit(name).test_ops, "parallel", pack("tables-0"))


def test_whole_models_are_compared_too() -> None:
    message = failure(kit("toy-flips").test_model, "parallel", (MODELS[0], {}))
    assert message.startswith("backend 'toy-flips', io 'parallel', model jet_tagger: simulate differs")
    assert "first at: output" in message


def test_figures_that_are_not_measured() -> None:
    message = failure(kit("toy-late").test_measured_figures_are_the_declared_ones, "parallel")
    assert message.startswith("latency_cycles: 3 declared, 4 measured")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("toy-changes", "emit changed the program"),
        ("toy-writes", "emit wrote files; a plan is data"),
        ("toy-identity", "notes.txt:1 differs\n  first:  "),
    ],
)
def test_emission_that_is_not_pure(
    name: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found in failure(kit(name).test_emission_is_pure, "parallel", tmp_path, monkeypatch)


@pytest.mark.parametrize("name", ["toy-sets", "toy-dates", "toy-paths"])
def test_emission_that_depends_on_its_surroundings(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit(name).test_emission_is_pure("parallel", tmp_path, monkeypatch)
    message = failure(kit(name).test_other_surroundings_give_the_same_bytes, "parallel")
    assert message.startswith("notes.txt:1 differs\n  first:  ")


def test_paths_of_this_machine() -> None:
    message = failure(kit("toy-paths").test_nothing_of_this_machine_is_written, "parallel")
    assert message.startswith(f"notes.txt:1 holds the path {Path.cwd()}")


def test_an_op_that_nobody_knows_must_be_refused() -> None:
    (strange,) = BackendConformance.refused_cases()
    assert "DID NOT RAISE" in failure(
        kit("toy-accepts").test_an_op_without_hardware_is_refused, "parallel", strange
    )


def test_an_op_that_is_declared_unsupported_must_be_refused() -> None:
    claims = kit("toy", unsupported_ops=frozenset({"nn.relu"}))
    relu = claims.refused_cases()[1]
    assert "DID NOT RAISE" in failure(claims.test_an_op_without_hardware_is_refused, "parallel", relu)


def test_an_op_that_no_backend_receives_cannot_be_declared() -> None:
    claims = kit("toy", unsupported_ops=frozenset({"nn.softmax"}))
    unknown = claims.refused_cases()[1]
    message = failure(claims.test_an_op_without_hardware_is_refused, "parallel", unknown)
    assert message.startswith("unsupported_ops names nn.softmax, which is no op that backends receive")


def test_an_op_that_is_refused_must_be_declared() -> None:
    message = failure(kit("toy-small").test_ops, "parallel", pack("trees-0"))
    assert "  case:     nn.hardmax fixed<3,2>[3, 7] along axis 0\n" in message
    assert "  error:    [NL308] at 'nn.hardmax/0': nn.hardmax is no toy" in message


def test_options_that_lose_the_checks_of_their_base() -> None:
    test = kit("toy-careless").test_a_bad_value_of_an_option_is_refused
    assert "DID NOT RAISE" in failure(test, "parallel", "clock_period_ns", 0.0, "NL203")


def test_a_report_of_nothing(tmp_path: Path) -> None:
    test = kit("toy-reports").test_it_has_no_report_before_any_run
    assert "is ToolReport(figures={'luts': 1.0}), not None" in failure(test, "parallel", tmp_path)
