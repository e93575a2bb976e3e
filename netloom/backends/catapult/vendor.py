"""Pragmas of Catapult.

Manual: "Catapult Synthesis User and Reference Manual", chapter "C++ Pragmas". It comes with the tool and is
not public: the texts are as in published designs, such as NVIDIA's MatchLib and Siemens' training material.
"""

from __future__ import annotations

from netloom.backends.hls import pragmas
from netloom.backends.hls.vendor import Pragma, Streams, Vendor

_MANUAL = "Catapult Synthesis User and Reference Manual, {}"


def _pragma(text: str) -> Pragma:
    return Pragma(f"#pragma {text}", _MANUAL.format(f"pragma {text.split()[0]}"), "before")


CATAPULT = Vendor(
    title="Catapult",
    types="ac",
    interface="arrays",
    defined="CCS_BLOCK({name})",
    called="CCS_DESIGN({name})",
    main="CCS_MAIN(int argc, char **argv)",
    leave="CCS_RETURN({status});",
    pragmas={
        pragmas.INLINE: (_pragma("hls_design inline"),),
        pragmas.LAYER_PIPELINE: (_pragma("hls_design inline"),),
        pragmas.UNROLL: (_pragma("hls_unroll yes"),),
        pragmas.PIPELINE_LOOP: (_pragma("hls_pipeline_init_interval {interval}"),),
        pragmas.TOP_FUNCTION: (_pragma("hls_design top"),),
        pragmas.TOP_PIPELINE: (_pragma("hls_pipeline_init_interval {interval}"),),
        pragmas.TOP_DATAFLOW: (_pragma("hls_pipeline_init_interval {interval}"),),
        pragmas.STREAM_PROCESS: (_pragma("hls_design block"),),
        pragmas.STREAM_LOOP: (_pragma("hls_pipeline_init_interval {interval}"),),
    },
    streams=Streams(
        manual='"Algorithmic C Datatypes" reference manual, ac_channel',
        header="ac_stream.h.j2",
        design="calls",
        edge="channel",
        channel="static ac_channel<{beat}> {name};",
        parameter="ac_channel<{beat}> &{name}",
        port_in="ac_channel<{beat}> &{name}",
        port_out="ac_channel<{beat}> &{name}",
        take="{name}.read()",
        give="{name}.write({value});",
    ),
)
