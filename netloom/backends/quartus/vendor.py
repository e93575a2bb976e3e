"""Pragmas and attributes of the Intel HLS Compiler.

Manual: "Intel High Level Synthesis Compiler Pro Edition: Reference Manual" (MNL-1083, 24.1), chapters
"Loops in Components" and "Reference Summary".
"""

from __future__ import annotations

from netloom.backends.hls import pragmas
from netloom.backends.hls.vendor import Pragma, Streams, Vendor

_MANUAL = "MNL-1083, {}"

QUARTUS = Vendor(
    title="Intel HLS",
    types="ac",
    interface="struct",
    pragmas={
        pragmas.UNROLL: (
            Pragma("#pragma unroll", _MANUAL.format("Loop Unrolling (unroll Pragma)"), "before"),
        ),
        pragmas.PIPELINE_LOOP: (
            Pragma("#pragma ii {interval}", _MANUAL.format("Loop Initiation Interval (ii Pragma)"), "before"),
        ),
        pragmas.REGISTERS: (Pragma("hls_register", _MANUAL.format("Component Memory Attributes"), "before"),),
        pragmas.TOP_PIPELINE: (
            Pragma(
                "hls_component_ii({interval})",
                _MANUAL.format("Component Attributes"),
                "before",
            ),
        ),
        pragmas.TOP_DATAFLOW: (
            Pragma(
                "hls_component_ii({interval})",
                _MANUAL.format("Component Attributes"),
                "before",
            ),
        ),
        pragmas.STREAM_LOOP: (
            Pragma("#pragma ii {interval}", _MANUAL.format("Loop Initiation Interval (ii Pragma)"), "before"),
        ),
        pragmas.LINE_DISTANCE: (
            Pragma(
                "#pragma ivdep safelen({distance})",
                _MANUAL.format("Loop-Carried Dependencies (ivdep Pragma)"),
                "before",
            ),
        ),
    },
    streams=Streams(
        manual=_MANUAL.format("ihc::stream Class; Streaming Output Interfaces"),
        header="ihc_stream.h.j2",
        design="tasks",
        edge="packets",
        channel="ihc::stream<{beat}, ihc::buffer<{depth}>> {name};",
        parameter="",
        port_in="ihc::stream_in<{beat}> {name};",
        port_out="ihc::stream_out<{beat}, ihc::usesPackets<true>> {name};",
        take="{name}.read()",
        give="{name}.write({value}, {first}, {last});",
    ),
)
