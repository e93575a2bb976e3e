"""compile() and Design: a compilation from beginning to end.

model --frontend--> module --clean--> (calibrate) --quantize--> exact --backend--> hardware
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from xdsl.dialects.builtin import ModuleOp

from netloom.core.diagnostics import CompileError, Note, suggestion
from netloom.core.options import CompileOptions
from netloom.core.plan import BuildPlan
from netloom.core.plugins import registry
from netloom.ir.arrays import Arrays, Interface, interface_of
from netloom.ir.program import main, model_name, notes
from netloom.ir.text import print_module
from netloom.passes.analysis.network import is_streaming, network
from netloom.passes.analysis.scheduled import program_timing
from netloom.passes.analysis.tree_image import TreeImage, tree_image
from netloom.passes.calibrate import observe
from netloom.passes.manager import PassManager, Print, Progress, Timing, parse, render
from netloom.report.compare import Comparison, compare_traces
from netloom.report.summary import Report, make_report
from netloom.sim.emulator import Emulator
from netloom.sim.ports import decode, encode, output_mantissas
from netloom.sim.stimuli import stimuli
from netloom.sim.trace import trace_fixed, trace_real
from netloom.sim.vectors import with_vectors

if TYPE_CHECKING:
    import networkx

    from netloom.backends.base import Backend, BackendOptions, ToolReport
    from netloom.build.flow import Vectors
    from netloom.build.formal import Proof
    from netloom.build.report import BuildReport
    from netloom.core.dataflow import Network
    from netloom.report.cosimulation import Cosimulated
    from netloom.report.fifos import FifoDepths, FifoTrade
    from netloom.sim.result import SimulationResult


def compile(
    graph: Any,
    backend: str = "vhdl",
    io: str = "parallel",
    *,
    precision: object = None,
    input_precision: object = None,
    calibration: object = None,
    check_semantics: object = None,
    reproducer: str | Path | None = None,
    print_ir: Print | None = None,
    progress: Progress | None = None,
    pipeline: str | None = None,
    **options: Any,
) -> Design:
    """Compile a trained network into a hardware design.

    Args:
        graph: path of an .onnx or .mlir file, an onnx.ModelProto, or an IR module.
        backend: name of a backend; `netloom backends` lists them.
        io: `parallel` (everything at once) or `stream` (tensors flow through FIFOs, beat by beat).
        precision: formats for what the model does not quantize: "fixed<16,6>", or a dict
            {"model": ..., "layers": {name or pattern: format or {role: format}}}.
        input_precision: format of the inputs, one for all or a dict by input name.
        calibration: inputs [n, ...] (array, or dict by input name) from which formats are sized.
        check_semantics: inputs on which every pass is checked to keep the meaning.
        reproducer: file to write when a pass is defective (NL701 to NL703), for netloom-opt --run-reproducer.
        print_ir: called before and after each pass with the pass's text and the module.
        progress: called with the name of each step before it runs.
        pipeline: text of a pass pipeline to run instead of the standard one.
        options: further options: see `CompileOptions` and the backend's own.

    Returns:
        The design: exact prediction, simulation, report and files.

    Raises:
        CompileError: with a stable code, for everything that cannot be compiled exactly.
    """
    chosen = find_backend(backend, io)
    precisions = {"precision": precision, "input_precision": input_precision}
    common, own = split_options(chosen, io, {**options, **precisions})
    module = load(graph)
    instruments = Instruments(check_semantics, print_ir, progress, Path(reproducer) if reproducer else None)
    if pipeline is not None:
        if common.extra_passes:
            raise CompileError(
                "NL203",
                f"extra_passes is '{common.extra_passes}' beside a pipeline of your own",
                origin="extra_passes",
                supported="extra passes within the standard pipeline",
                hint="write them into the pipeline",
            )
        text, timings = instruments.run(pipeline, module)
        return Design(module, None, chosen, common, own, io, text, timings)
    before, after = common.pipeline
    clean_text, clean_timings = instruments.run(before, module)
    source = module.clone()
    if calibration is not None:
        observe(module, calibration)
    rest = ",".join(filter(None, (own.preparation, after, chosen.pipeline(own))))
    text, timings = instruments.run(rest, module)
    return Design(module, source, chosen, common, own, io, f"{clean_text},{text}", [*clean_timings, *timings])


@dataclass(frozen=True)
class Instruments:
    """What watches the passes of a compilation."""

    samples: object
    print_ir: Print | None
    progress: Progress | None
    reproducer: Path | None = None

    def run(self, pipeline: str, module: ModuleOp) -> tuple[str, list[Timing]]:
        """Run a pipeline; its full text and the time of each pass."""
        samples = None
        if self.samples is not None:
            samples = interface_of(module).inputs_from(self.samples)
        manager = PassManager(
            parse(pipeline),
            print_ir=self.print_ir,
            progress=self.progress,
            samples=samples,
            reproducer=self.reproducer,
        )
        manager.run(module)
        return render(manager.passes), manager.timings


def find_backend(name: str, io: str) -> Backend:
    """A backend by name that has the wanted `io`.

    Raises:
        CompileError: NL204 or NL203.
    """
    known = registry().backends
    if name not in known:
        raise CompileError(
            "NL204",
            f"unknown backend '{name}'",
            origin="backend",
            supported=", ".join(known),
            hint=suggestion(name, known),
        )
    backend: Backend = known[name].value
    if io not in backend.io:
        raise CompileError(
            "NL203",
            f"backend '{name}' has no io='{io}'",
            origin="io",
            supported=", ".join(backend.io),
            hint=suggestion(io, backend.io),
        )
    return backend


def split_options(
    backend: Backend, io: str, options: Mapping[str, Any]
) -> tuple[CompileOptions, BackendOptions]:
    """Common options and the backend's own; unknown names are errors.

    Raises:
        CompileError: NL201 with a suggestion, NL203 for values.
    """
    common = CompileOptions.names()
    own = [option.name for option in fields(backend.options) if option.name not in (*common, "io")]
    known = [*common, *own, *ARGUMENTS]
    for name in options:
        if name not in common and name not in own:
            raise CompileError(
                "NL201",
                f"unknown option '{name}'",
                origin=name,
                supported=", ".join(known),
                hint=suggestion(name, known),
            )
    return (
        CompileOptions.from_user({k: v for k, v in options.items() if k in common}),
        backend.options.from_mapping({"io": io, **{k: v for k, v in options.items() if k in own}}),
    )


ARGUMENTS = ("backend", "io", "calibration", "check_semantics", "reproducer", "progress", "pipeline")


def load(graph: Any) -> ModuleOp:
    """The model as a module, by the first frontend that accepts it.

    Raises:
        CompileError: NL111 when none does, and what frontends raise.
    """
    frontends = registry().frontends
    for provided in frontends.values():
        if provided.value.accepts(graph):
            module: ModuleOp = provided.value.load(graph)
            return module
    what = str(graph) if isinstance(graph, str | Path) else type(graph).__name__
    raise CompileError(
        "NL111",
        f"no frontend reads '{Path(what).name}'",
        origin="graph",
        supported="; ".join(p.value.description for p in frontends.values()),
        hint="export the model to ONNX",
    )


def read_tool_report(directory: Path) -> ToolReport | None:
    """Figures of the vendor's reports of a written project, or None before any run.

    Raises:
        CompileError: NL605 for a report that cannot be read, or a directory that is no project.
    """
    settings = directory / "netloom" / "options.json"
    if not settings.is_file():
        raise CompileError(
            "NL605",
            "it is no project that netloom has written",
            origin=str(directory),
            hint="name the directory of Design.write or 'netloom compile -d'",
        )
    options = json.loads(settings.read_text(encoding="utf-8"))
    return find_backend(options["backend"], options["io"]).read_report(directory)


@dataclass
class Design:
    """A compiled network.

    Attributes:
        module: the final IR.
        source: the imported IR after cleaning, on real numbers (None for custom pipelines).
        pipeline: text of all passes that were run, with their options.
        timings: time of each pass.
        last_simulation: what the last `simulate` measured: latency, interval, cycles.
    """

    module: ModuleOp
    source: ModuleOp | None
    backend: Backend
    options: CompileOptions
    backend_options: BackendOptions
    io: str
    pipeline: str
    timings: Sequence[Timing] = field(default_factory=list)
    last_simulation: SimulationResult | None = None

    @property
    def name(self) -> str:
        """Name of the model."""
        return model_name(main(self.module))

    @property
    def notes(self) -> list[Note]:
        """What passes chose, with stated errors."""
        return notes(self.module)

    @cached_property
    def interface(self) -> Interface:
        """Names, shapes and formats of inputs and outputs."""
        return interface_of(self.module)

    @cached_property
    def emulator(self) -> Emulator:
        """The fast, exact emulator."""
        return Emulator(self.module)

    @cached_property
    def plan(self) -> BuildPlan:
        """The project's files and tool steps, with vectors for its test bench; nothing is written."""
        from netloom.backends.base import fit

        plan = fit(self.backend.name, self.backend.emit(self.module, self.backend_options))
        inputs = stimuli(self.module)
        expected = output_mantissas(self.module, self.emulator, inputs)
        plan = with_vectors(plan, encode(self.module, self.emulator, inputs), expected)
        return plan.with_files(
            {
                "netloom/design.mlir": print_module(self.module),
                "netloom/pipeline.txt": self.pipeline + "\n",
                "netloom/options.json": self._options_json(),
            }
        )

    def _options_json(self) -> str:
        options = {
            "backend": self.backend.name,
            **asdict(self.options),
            **asdict(self.backend_options),
        }
        return json.dumps(options, indent=2, sort_keys=True) + "\n"

    def tree_image(self) -> TreeImage:
        """What stands in the memories of the trees, and at which addresses; its `text` is the loader file.

        Raises:
            CompileError: NL203 for a design without trees in memories.
        """
        image = tree_image(self.module)
        if image is None:
            raise CompileError(
                "NL203",
                "no trees of the design stand in memories",
                origin="strategy",
                supported="designs of strategy 'memory'",
                hint="compile it with strategy='memory'",
            )
        return image

    def with_trees(self, model: Any, *, calibration: object = None) -> Design:
        """The same hardware with the trees of another model; see `netloom.replacement.with_trees`."""
        from netloom.replacement import with_trees

        return with_trees(self, model, calibration=calibration)

    def predict(self, x: ArrayLike | Mapping[str, ArrayLike], *, raw: bool = False) -> Arrays:
        """The design's exact outputs.

        Args:
            x: inputs [n, ...], or a dict by input name.
            raw: return the integer mantissas at the output ports instead of the values.

        Returns:
            An array [n, ...], float64 (int64 when raw); a dict by name for several outputs.

        Raises:
            CompileError: NL401 to NL403 for inputs that do not fit.
        """
        inputs = self.interface.inputs_from(x)
        mantissas = output_mantissas(self.module, self.emulator, inputs)
        return self.interface.arrange(mantissas if raw else decode(self.module, mantissas), x)

    def simulate(
        self,
        x: ArrayLike | Mapping[str, ArrayLike],
        *,
        raw: bool = False,
        trees: Design | None = None,
        trees_after: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> Arrays:
        """Outputs of the generated code itself, run by the backend's simulator.

        The measured latency is in `last_simulation` afterwards. `trees`, a design of `with_trees`, are
        written to the memories when `trees_after` samples have come out, and decode what comes then.

        Raises:
            CompileError: NL601 when the simulator is not installed, NL602 when it fails, NL401 to
                NL403 for inputs.
        """
        inputs = self.interface.inputs_from(x)
        if len(inputs[0]) == 0:
            return self.predict(x, raw=raw)
        ports = encode(self.module, self.emulator, inputs)
        loading = {} if trees is None else {"trees": trees.tree_image().lines, "trees_after": trees_after}
        result: SimulationResult = self.simulator.run(ports, progress=progress, **loading)
        self.last_simulation = result
        outputs = result.outputs
        if not raw and trees is not None:
            first = decode(self.module, [output[:trees_after] for output in outputs])
            rest = decode(trees.module, [output[trees_after:] for output in outputs])
            values = [np.concatenate(parts) for parts in zip(first, rest, strict=True)]
            return self.interface.arrange(values, x)
        return self.interface.arrange(outputs if raw else decode(self.module, outputs), x)

    @cached_property
    def simulator(self) -> Any:
        """The backend's simulator on this design's files.

        Raises:
            CompileError: NL601 when the backend has none.
        """
        simulator = self.backend.simulator(self.plan)
        if simulator is None:
            raise CompileError(
                "NL601",
                f"the backend '{self.backend.name}' has no simulator",
                origin="simulate",
                hint="use predict, which gives the same bits for every backend",
            )
        return simulator

    def trace(self, x: ArrayLike | Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
        """The real value of every layer, by the layer's name, for inputs [n, ...]."""
        return trace_fixed(self.module, self.emulator, self.interface.inputs_from(x))

    def compare(
        self, x: ArrayLike | Mapping[str, ArrayLike], reference: Mapping[str, ArrayLike] | None = None
    ) -> Comparison:
        """Where and by how much each layer departs from the model as it was imported.

        Args:
            x: inputs [n, ...].
            reference: values by layer name to compare with; by default the imported model's own.
        """
        if reference is None:
            if self.source is None:
                raise CompileError(
                    "NL203",
                    "a design from a custom pipeline has no imported model to compare with",
                    origin="reference",
                    hint="pass reference={layer: values}",
                )
            reference = trace_real(self.source, self.interface.inputs_from(x))
        return compare_traces(self.trace(x), {k: np.asarray(v) for k, v in reference.items()})

    def write(self, directory: str | Path) -> Path:
        """Write the project; completes or leaves the directory as it was.

        Raises:
            CompileError: NL501 or NL502.
        """
        return self.plan.write(Path(directory))

    def build(
        self,
        directory: str | Path,
        flow: str = "open",
        *,
        verify: int | ArrayLike | Mapping[str, ArrayLike] = 0,
        progress: Callable[[str], None] | None = None,
        **options: Any,
    ) -> BuildReport:
        """Write the project and run an open flow on it: counts, Fmax after routing, a bitstream.

        Args:
            directory: of the project; logs, netlists and the bitstream are in `build/open` there.
            flow: `open` (GHDL, Yosys, nextpnr).
            verify: inputs [n, ...] on which the synthesized netlist must give the emulator's bits, or a
                number of random ones; 0 for none.
            progress: called with what is being done.
            options: see `netloom.build.options.OpenOptions`.

        Raises:
            CompileError: NL501 or NL502 for the directory, NL601 or NL602 for tools, NL606 for what they
                cannot synthesize, NL607 for a design larger than the device, NL608 for a netlist that
                differs.
        """
        from netloom.build import flow as open_flow

        chosen = open_flow.chosen(flow, options)
        vectors = self._netlist_vectors(verify)
        self.write(directory)
        return open_flow.build(self.plan, Path(directory), chosen, vectors=vectors, progress=progress)

    def prove(
        self,
        directory: str | Path,
        *,
        netlist: str = "vhdl",
        method: str = "auto",
        timeout_s: float = 600.0,
        progress: Callable[[str], None] | None = None,
    ) -> Proof:
        """Prove that the netlist gives what the program means, for all inputs; for small designs.

        Args:
            directory: works in `build/formal` there.
            netlist: `vhdl` for GHDL's netlist, `xcup` or `ecp5` for the one after synthesis for that family.
            method: `enumeration` (up to 20 input bits), `sat` (up to 64), `auto`.
            timeout_s: limit for each tool.
            progress: called with what is being done.

        Raises:
            CompileError: NL609 when there is no proof, NL608 when the netlist is wrong, NL601, NL602, NL606.
        """
        from netloom.build.formal import prove

        return prove(
            self.plan,
            self.module,
            Path(directory),
            of=netlist,
            method=method,
            timeout_s=timeout_s,
            progress=progress,
        )

    def _netlist_vectors(self, verify: int | ArrayLike | Mapping[str, ArrayLike]) -> Vectors | None:
        """What a netlist is fed with, and what it must give; None without a sample."""
        from netloom.build.flow import Vectors

        inputs = (
            stimuli(self.module, verify) if isinstance(verify, int) else self.interface.inputs_from(verify)
        )
        if not inputs or not len(inputs[0]):
            return None
        ports = encode(self.module, self.emulator, inputs)
        return Vectors(ports, output_mantissas(self.module, self.emulator, inputs))

    def report(self) -> Report:
        """Latency, interval and resources per layer, and what was chosen on the way.

        Of a streaming design, a `StreamReport`: also the bottleneck, and FIFOs with their occupancies.
        """
        return make_report(self.module, self.name, self.backend.name, self.io)

    def dataflow(self) -> Network:
        """Actors and FIFOs of a streaming design, for `netloom.sim.dataflow`.

        Raises:
            CompileError: NL203 for a parallel design.
        """
        if not is_streaming(self.module):
            raise CompileError(
                "NL203",
                "a parallel design has no FIFOs",
                origin="io",
                supported="stream",
                hint="compile with io=stream",
            )
        return network(self.module)

    def fifo_depths(self, goal: str = "fast", *patterns: str) -> FifoDepths:
        """The smallest depths of FIFOs for a goal, and what one beat less would do.

        Args:
            goal: `fast` keeps latency and interval, `interval` the interval alone, `small` is the least that
                does not deadlock.
            patterns: names or patterns of the FIFOs to show; all by default.

        Raises:
            CompileError: NL203 for a parallel design or an unknown goal, NL202 for an unknown FIFO.
        """
        from netloom.report.fifos import fifo_depths

        return fifo_depths(self.dataflow(), self.name, goal, patterns)

    def fifo_trade(self, bounds: int = 6) -> FifoTrade:
        """Depths of FIFOs that trade bits for speed: none is beaten in bits, interval and latency at once.

        Args:
            bounds: for the interval that are tried.

        Raises:
            CompileError: NL203 for a parallel design, or fewer than one bound.
        """
        from netloom.report.fifos import fifo_trade

        timing = program_timing(self.module)
        asked = str(getattr(self.backend_options, "fifo_depth", "fast"))
        clock = timing.clock_period_ns if timing else 0.0
        return fifo_trade(self.dataflow(), self.name, bounds, asked, clock)

    def cosimulate_fifos(self, x: ArrayLike | Mapping[str, ArrayLike]) -> tuple[Design, Cosimulated]:
        """Depths of FIFOs from a simulation of the generated code on inputs [n, ...], at least two of them.

        The dataflow simulator behind `fifo_depth` finds smaller depths in a fraction of the time; this is
        the check that needs no trust in it.

        Returns:
            The same design at the depths found, and what was measured.

        Raises:
            CompileError: NL203 for a parallel design, or a backend whose simulator does not count beats in
                FIFOs; what `simulate` raises.
        """
        from netloom.report.cosimulation import Offers, check_counts, cosimulate

        self.dataflow()
        check_counts(self.backend.name, self.plan.properties)
        ports = encode(self.module, self.emulator, self.interface.inputs_from(x))

        def run(module: ModuleOp, offers: Offers | None) -> SimulationResult:
            simulator = replace(self, module=module).simulator
            result: SimulationResult = simulator.run(ports, offers=offers)
            return result

        timing = program_timing(self.module)
        found, measured = cosimulate(self.module, timing.interval_cycles if timing else 1, run)
        return replace(self, module=found), measured

    def read_report(self, directory: str | Path) -> ToolReport | None:
        """Figures of the vendor's reports of a written project, or None before any run.

        Raises:
            CompileError: NL605 for a report that cannot be read.
        """
        return self.backend.read_report(Path(directory))

    def graph(self) -> networkx.MultiDiGraph:
        """The dataflow graph."""
        from netloom.ir.graph import dataflow_graph

        return dataflow_graph(self.module)
