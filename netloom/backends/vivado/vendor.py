"""Pragmas of Vivado HLS and Vitis HLS.

UG902 is "Vivado Design Suite User Guide: High-Level Synthesis" (2020.1), which has each pragma beside the Tcl
command of the same meaning; UG1253, "SDx Pragma Reference Guide", has a page for each. UG1399 is "Vitis
High-Level Synthesis User Guide" (2023.2).
"""

from __future__ import annotations

from netloom.backends.hls import pragmas
from netloom.backends.hls.vendor import Pragma, Vendor


def _vivado(text: str) -> Pragma:
    name = text.split()[0].lower()
    return Pragma(f"#pragma HLS {text}", f"UG902, set_directive_{name}; UG1253, pragma HLS {name}")


def _vitis(text: str) -> Pragma:
    return Pragma(f"#pragma HLS {text}", f"UG1399, HLS Pragmas, pragma HLS {text.split()[0].lower()}")


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
    },
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
    },
)
