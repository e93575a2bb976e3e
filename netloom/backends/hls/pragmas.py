"""Purposes of pragmas: what the printer wants to say, in no vendor's words.

A vendor's table gives the words (`netloom.backends.hls.vendor.Vendor.pragmas`). The names in braces
are what a purpose's text may use.
"""

from __future__ import annotations

INLINE = "inline"
"""A layer's function becomes part of its caller."""

LAYER_PIPELINE = "layer_pipeline"
"""A layer's function takes new operands every `{interval}` cycles, beside layers that share multipliers."""

UNROLL = "unroll"
"""Every iteration of a loop gets its own hardware."""

PIPELINE_LOOP = "pipeline_loop"
"""A loop starts an iteration every `{interval}` cycles."""

REGISTERS = "registers"
"""An array `{name}` is registers, each element reachable at any time."""

READ_ONLY_LOGIC = "read_only_logic"
"""A constant array `{name}` becomes part of the logic."""

READ_ONLY_MEMORY = "read_only_memory"
"""A constant array `{name}` of `{words}` words, `{lanes}` of them read at once, is in block memory."""

LIMIT_MULTIPLIERS = "limit_multipliers"
"""A function has at most `{limit}` multipliers."""

TOP_PORT = "top_port"
"""A port `{name}` of the design carries a whole tensor at once."""

TOP_PIPELINE = "top_pipeline"
"""The design takes a new input every `{interval}` cycles."""

TOP_DATAFLOW = "top_dataflow"
"""The layers of the design work on different inputs at the same time."""

TOP_FUNCTION = "top_function"
"""The function is the design."""

STREAM_PROCESS = "stream_process"
"""A function works beside others, with FIFOs between them."""

STREAM_LOOP = "stream_loop"
"""A loop over beats starts an iteration every `{interval}` cycles; beats under way do not wait for more."""

STREAM_STEPS = "stream_steps"
"""The same for a loop around the steps of shared multipliers, where the tool makes one pipeline of both."""

STREAM_DEPTH = "stream_depth"
"""A FIFO `{name}` holds `{depth}` beats."""

STREAM_PORT = "stream_port"
"""A port `{name}` of the design is an AXI4-Stream."""

STREAM_TOP = "stream_top"
"""The functions that the design calls work at the same time."""

LINE_PACK = "line_pack"
"""All elements of a beat lie in one word of the memory `{name}`."""

LINE_ROWS = "line_rows"
"""Each row of the array `{name}` is a memory of its own."""

LINE_DISTANCE = "line_distance"
"""What an iteration writes to `{name}` is read `{distance}` iterations later at the earliest."""

PURPOSES = (
    INLINE,
    LAYER_PIPELINE,
    UNROLL,
    PIPELINE_LOOP,
    REGISTERS,
    READ_ONLY_LOGIC,
    READ_ONLY_MEMORY,
    LIMIT_MULTIPLIERS,
    TOP_PORT,
    TOP_PIPELINE,
    TOP_DATAFLOW,
    TOP_FUNCTION,
    STREAM_PROCESS,
    STREAM_LOOP,
    STREAM_STEPS,
    STREAM_DEPTH,
    STREAM_PORT,
    STREAM_TOP,
    LINE_PACK,
    LINE_ROWS,
    LINE_DISTANCE,
)
