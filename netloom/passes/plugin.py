"""The passes of netloom, registered through the same hooks as anybody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.passes import ModulePass

from netloom.core.hooks import hookimpl
from netloom.passes.absorb_quantizers import AbsorbQuantizers
from netloom.passes.assign_precision import AssignPrecision
from netloom.passes.balance_layers import BalanceLayers
from netloom.passes.build_adder_graphs import BuildAdderGraphs
from netloom.passes.canonicalize import Canonicalize
from netloom.passes.channels_last import ChannelsLast
from netloom.passes.cse import CommonSubexpressions
from netloom.passes.dce import DeadCodeElimination
from netloom.passes.decompose_functions import DecomposeFunctions
from netloom.passes.fold_constants import FoldConstants
from netloom.passes.fuse_batch_norm import FuseBatchNorm
from netloom.passes.infer_ranges import InferRanges
from netloom.passes.insert_fifos import InsertFifos
from netloom.passes.lower_dense import LowerDense
from netloom.passes.lower_functions import LowerFunctions
from netloom.passes.lower_windows import LowerWindows
from netloom.passes.narrow import Narrow
from netloom.passes.neurons_to_tables import NeuronsToTables
from netloom.passes.parallel_channels import ParallelChannels
from netloom.passes.parallel_pixels import ParallelPixels
from netloom.passes.place_weights import PlaceWeights
from netloom.passes.quantize_inputs import QuantizeInputs
from netloom.passes.schedule import SchedulePass
from netloom.passes.schedule_stages import ScheduleStages
from netloom.passes.set_reuse_factors import SetReuseFactors
from netloom.passes.share_products import ShareProducts
from netloom.passes.spend_multipliers import SpendMultipliers
from netloom.passes.stream_lower import StreamLower
from netloom.passes.transposes_to_host import TransposesToHost
from netloom.passes.tree_fuse_inputs import FuseTreeInputs
from netloom.passes.tree_place import PlaceTrees
from netloom.passes.tree_replaceable import ReplaceableTrees
from netloom.passes.tree_simplify import SimplifyTrees

PIPELINES: Mapping[str, str] = {
    "clean": "fold-constants,channels-last,fuse-batch-norm,fuse-tree-inputs,decompose-functions",
    "quantize": "quantize-inputs,absorb-quantizers,assign-precision,lower-functions",
    "optimize": "canonicalize,cse,dce,simplify-trees,narrow",
    "unroll": "lower-windows,lower-dense,set-reuse-factors,balance-layers,share-products,build-adder-graphs",
}
"""What the stages of a compilation are made of, with default options."""


@hookimpl
def netloom_passes() -> Sequence[type[ModulePass]]:
    """All passes of the package."""
    return [
        FoldConstants,
        ChannelsLast,
        FuseBatchNorm,
        FuseTreeInputs,
        DecomposeFunctions,
        QuantizeInputs,
        AbsorbQuantizers,
        AssignPrecision,
        LowerFunctions,
        Canonicalize,
        CommonSubexpressions,
        DeadCodeElimination,
        InferRanges,
        ReplaceableTrees,
        SimplifyTrees,
        Narrow,
        LowerWindows,
        TransposesToHost,
        ParallelChannels,
        ParallelPixels,
        LowerDense,
        SetReuseFactors,
        PlaceTrees,
        BalanceLayers,
        PlaceWeights,
        NeuronsToTables,
        ShareProducts,
        BuildAdderGraphs,
        SpendMultipliers,
        SchedulePass,
        StreamLower,
        InsertFifos,
        ScheduleStages,
    ]


@hookimpl
def netloom_pipelines() -> Mapping[str, str]:
    """The named pipelines."""
    return PIPELINES
