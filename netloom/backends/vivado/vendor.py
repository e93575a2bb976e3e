"""Pragmas of Vivado HLS and Vitis HLS.

UG902 is "Vivado Design Suite User Guide: High-Level Synthesis" (2020.1), which has each pragma beside the Tcl
command of the same meaning; UG1253, "SDx Pragma Reference Guide", has a page for each. UG1399 is "Vitis
High-Level Synthesis User Guide" (2023.2).
"""

from __future__ import annotations

from netloom.backends.hls import pragmas
from netloom.backends.hls.vendor import Pragma, Streams, Vendor


def _vivado(text: str) -> Pragma:
    name = text.split()[0].lower()
    return Pragma(f"#pragma HLS {text}", f"UG902, set_directive_{name}; UG1253, pragma HLS {name}")


def _vitis(text: str) -> Pragma:
    return Pragma(f"#pragma HLS {text}", f"UG1399, HLS Pragmas, pragma HLS {text.split()[0].lower()}")


def _streams(manual: str, side_bits: int) -> Streams:
    """Streams with words of AXI4-Stream at the edges, whose side channels have `side_bits` bits."""
    return Streams(
        manual=manual,
        header="hls_stream.h.j2",
        design="calls",
        edge="axis",
        channel='hls::stream<{beat}> {name}("{name}");',
        parameter="hls::stream<{beat}> &{name}",
        port_in="hls::stream<{name}_word> &{name}",
        port_out="hls::stream<{name}_word> &{name}",
        take="netloom::unpacked<{beat}>({name}.read().data)",
        give="{name}.write(netloom::packed<{name}_word>({value}, {last}));",
        word=f"ap_axiu<{{bits}}, {side_bits}, {side_bits}, {side_bits}>",
        cleared=("user", "id", "dest") if side_bits else (),
    )


VIVADO = Vendor(
    title="Vivado HLS",
    types="ap",
    interface="arrays",
    one_reader=True,
    pragmas={
        pragmas.INLINE: (_vivado("INLINE"),),
        pragmas.LAYER_PIPELINE: (_vivado("PIPELINE II={interval}"),),
        pragmas.UNROLL: (_vivado("UNROLL"),),
        pragmas.PIPELINE_LOOP: (_vivado("PIPELINE II={interval} rewind"),),
        pragmas.REGISTERS: (_vivado("ARRAY_PARTITION variable={name} complete dim=0"),),
        pragmas.READ_ONLY_LOGIC: (_vivado("ARRAY_PARTITION variable={name} complete dim=0"),),
        pragmas.READ_ONLY_MEMORY: (
            _vivado("ARRAY_RESHAPE variable={name} cyclic factor={lanes} dim=1"),
            _vivado("RESOURCE variable={name} core=ROM_nP_BRAM"),
        ),
        pragmas.LIMIT_MULTIPLIERS: (_vivado("ALLOCATION instances=mul limit={limit} operation"),),
        pragmas.TOP_PORT: (
            _vivado("ARRAY_RESHAPE variable={name} complete dim=0"),
            _vivado("INTERFACE ap_vld port={name}"),
        ),
        pragmas.TOP_PIPELINE: (_vivado("PIPELINE II={interval}"),),
        pragmas.TOP_DATAFLOW: (_vivado("DATAFLOW"),),
        pragmas.STREAM_LOOP: (_vivado("PIPELINE II={interval} enable_flush"),),
        pragmas.STREAM_STEPS: (_vivado("PIPELINE II={interval} enable_flush"),),
        pragmas.STREAM_DEPTH: (_vivado("STREAM variable={name} depth={depth} dim=1"),),
        pragmas.STREAM_PORT: (_vivado("INTERFACE axis port={name}"),),
        pragmas.STREAM_TOP: (_vivado("DATAFLOW"),),
        pragmas.LINE_PACK: (_vivado("DATA_PACK variable={name}"),),
        pragmas.LINE_ROWS: (_vivado("ARRAY_PARTITION variable={name} complete dim=1"),),
        pragmas.LINE_DISTANCE: (_vivado("DEPENDENCE variable={name} inter RAW distance={distance} true"),),
    },
    streams=_streams("UG902, HLS Stream Library; AXI4-Stream Interfaces", 1),
)

VITIS = Vendor(
    title="Vitis HLS",
    types="ap",
    interface="arrays",
    one_reader=True,
    pragmas={
        pragmas.INLINE: (_vitis("INLINE"),),
        pragmas.LAYER_PIPELINE: (_vitis("PIPELINE II={interval}"),),
        pragmas.UNROLL: (_vitis("UNROLL"),),
        pragmas.PIPELINE_LOOP: (_vitis("PIPELINE II={interval} rewind"),),
        pragmas.REGISTERS: (_vitis("ARRAY_PARTITION variable={name} type=complete dim=0"),),
        pragmas.READ_ONLY_LOGIC: (_vitis("ARRAY_PARTITION variable={name} type=complete dim=0"),),
        pragmas.READ_ONLY_MEMORY: (
            _vitis("ARRAY_RESHAPE variable={name} type=cyclic factor={lanes} dim=1"),
            _vitis("BIND_STORAGE variable={name} type=rom_np impl=bram"),
        ),
        pragmas.LIMIT_MULTIPLIERS: (_vitis("ALLOCATION operation instances=mul limit={limit}"),),
        pragmas.TOP_PORT: (
            _vitis("ARRAY_RESHAPE variable={name} type=complete dim=0"),
            _vitis("INTERFACE mode=ap_vld port={name}"),
        ),
        pragmas.TOP_PIPELINE: (_vitis("PIPELINE II={interval}"),),
        pragmas.TOP_DATAFLOW: (_vitis("DATAFLOW"),),
        pragmas.STREAM_LOOP: (_vitis("PIPELINE II={interval} style=flp"),),
        pragmas.STREAM_STEPS: (_vitis("PIPELINE II={interval} style=flp"),),
        pragmas.STREAM_DEPTH: (_vitis("STREAM variable={name} depth={depth}"),),
        pragmas.STREAM_PORT: (_vitis("INTERFACE mode=axis port={name}"),),
        pragmas.STREAM_TOP: (_vitis("DATAFLOW"),),
        pragmas.LINE_PACK: (_vitis("AGGREGATE variable={name} compact=bit"),),
        pragmas.LINE_ROWS: (_vitis("ARRAY_PARTITION variable={name} type=complete dim=1"),),
        pragmas.LINE_DISTANCE: (
            _vitis("DEPENDENCE variable={name} type=inter direction=RAW distance={distance} dependent=true"),
        ),
    },
    streams=_streams("UG1399, HLS Stream Library; AXI4-Stream Interfaces", 0),
)
