// RUN-PASSES: balance-branches

// The way round the line buffer holds what the line buffer does; FIFOs elsewhere stay.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x4x4x2xf32>) -> tensor<1x2x!fx.fixed<7, 5, signed>>}> ({
  ^bb0(%0: tensor<1x4x4x2xf32>):
    %1 = "fx.quantize"(%0) <{rounding = "RND_CONV", overflow = "SAT", round_first = false, scale = #fx.array<"f64", [], [0.25]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "x_quantizer"}> : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2x!fx.fixed<4, 2, signed>>
    %2 = "flow.source"(%1) <{origin = "x"}> : (tensor<1x4x4x2x!fx.fixed<4, 2, signed>>) -> !flow.stream<tensor<1x4x4x2x!fx.fixed<4, 2, signed>>, 3>
    %3 = "flow.fifo"(%2) <{depth = 2 : i64, label = "conv_window_in", origin = "conv"}> : (!flow.stream<tensor<1x4x4x2x!fx.fixed<4, 2, signed>>, 3>) -> !flow.stream<tensor<1x4x4x2x!fx.fixed<4, 2, signed>>, 3>
    %4 = "flow.window"(%3) <{kernel = #fx.array<"i8", [2], [2, 1]>, strides = #fx.array<"i8", [2], [1, 1]>, dilations = #fx.array<"i8", [2], [1, 1]>, padding = #fx.array<"i8", [4], [0, 0, 1, 0]>, fill = "zero", origin = "conv"}> : (!flow.stream<tensor<1x4x4x2x!fx.fixed<4, 2, signed>>, 3>) -> !flow.stream<tensor<1x4x4x2x1x2x!fx.fixed<4, 2, signed>>, 3>
    %5 = "flow.fifo"(%4) <{depth = 2 : i64, label = "conv_in", origin = "conv"}> : (!flow.stream<tensor<1x4x4x2x1x2x!fx.fixed<4, 2, signed>>, 3>) -> !flow.stream<tensor<1x4x4x2x1x2x!fx.fixed<4, 2, signed>>, 3>
    %6 = "flow.fifo"(%2) <{depth = 2 : i64, label = "conv_in2", origin = "conv"}> : (!flow.stream<tensor<1x4x4x2x!fx.fixed<4, 2, signed>>, 3>) -> !flow.stream<tensor<1x4x4x2x!fx.fixed<4, 2, signed>>, 3>
    %7 = "flow.stage"(%5, %6) <{label = "conv", origin = "conv", latency_cycles = 1 : i64, interval_cycles = 1 : i64}> ({
    ^bb0(%8: tensor<1x1x1x2x1x2x!fx.fixed<4, 2, signed>>, %9: tensor<1x1x1x2x!fx.fixed<4, 2, signed>>):
      %10 = "nn.reshape"(%8) <{shape = #fx.array<"i8", [4], [1, 1, 1, 4]>, origin = "conv"}> {start_cycle = 0 : i64, latency_cycles = 0 : i64} : (tensor<1x1x1x2x1x2x!fx.fixed<4, 2, signed>>) -> tensor<1x1x1x4x!fx.fixed<4, 2, signed>>
      %11 = "fx.constant"() <{value = #fx.array<"i8", [4, 2], [-2, -1, 0, 1, -2, -1, 0, 1]>}> : () -> tensor<4x2x!fx.fixed<3, 3, signed>>
      %12 = "nn.dense"(%10, %11) <{strategy = "latency", origin = "conv"}> {start_cycle = 0 : i64, latency_cycles = 0 : i64, step_stages = #fx.array<"i8", [3], [0, 0, 0]>} : (tensor<1x1x1x4x!fx.fixed<4, 2, signed>>, tensor<4x2x!fx.fixed<3, 3, signed>>) -> tensor<1x1x1x2x!fx.fixed<7, 5, signed>>
      %13 = "fx.cast"(%12) <{rounding = "TRN", overflow = "SAT", origin = "conv"}> {start_cycle = 0 : i64, latency_cycles = 0 : i64, step_stages = #fx.array<"i8", [1], [0]>} : (tensor<1x1x1x2x!fx.fixed<7, 5, signed>>) -> tensor<1x1x1x2x!fx.fixed<6, 4, signed>>
      %14 = "nn.add"(%9, %13) <{origin = "skip"}> {start_cycle = 0 : i64, latency_cycles = 0 : i64, step_stages = #fx.array<"i8", [1], [0]>} : (tensor<1x1x1x2x!fx.fixed<4, 2, signed>>, tensor<1x1x1x2x!fx.fixed<6, 4, signed>>) -> tensor<1x1x1x2x!fx.fixed<7, 5, signed>>
      "flow.yield"(%14) : (tensor<1x1x1x2x!fx.fixed<7, 5, signed>>) -> ()
    }) : (!flow.stream<tensor<1x4x4x2x1x2x!fx.fixed<4, 2, signed>>, 3>, !flow.stream<tensor<1x4x4x2x!fx.fixed<4, 2, signed>>, 3>) -> !flow.stream<tensor<1x4x4x2x!fx.fixed<7, 5, signed>>, 3>
    %15 = "flow.fifo"(%7) <{depth = 2 : i64, label = "pool_reduce_in", origin = "pool"}> : (!flow.stream<tensor<1x4x4x2x!fx.fixed<7, 5, signed>>, 3>) -> !flow.stream<tensor<1x4x4x2x!fx.fixed<7, 5, signed>>, 3>
    %16 = "flow.reduce"(%15) <{kind = "max", axes = #fx.array<"i8", [2], [1, 2]>, keep_axes = false, origin = "pool"}> : (!flow.stream<tensor<1x4x4x2x!fx.fixed<7, 5, signed>>, 3>) -> !flow.stream<tensor<1x2x!fx.fixed<7, 5, signed>>, 1>
    %17 = "flow.fifo"(%16) <{depth = 2 : i64, label = "y_sink_in", origin = "y"}> : (!flow.stream<tensor<1x2x!fx.fixed<7, 5, signed>>, 1>) -> !flow.stream<tensor<1x2x!fx.fixed<7, 5, signed>>, 1>
    %18 = "flow.sink"(%17) <{origin = "y"}> : (!flow.stream<tensor<1x2x!fx.fixed<7, 5, signed>>, 1>) -> tensor<1x2x!fx.fixed<7, 5, signed>>
    "func.return"(%18) : (tensor<1x2x!fx.fixed<7, 5, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "skip", output_names = ["y"]} : () -> ()
}) : () -> ()

// CHECK: "flow.fifo"(%2) <{depth = 2 : i64, label = "conv_window_in"
// CHECK: "flow.fifo"(%2) <{depth = {{1[0-9]}} : i64, label = "conv_in2"
// CHECK: "flow.fifo"(%16) <{depth = 2 : i64, label = "y_sink_in"
