// RUN-PASSES: insert-fifos{depth=3}

// A FIFO in front of every actor; the input has two readers, so it is a fork.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x4x4x2xf32>) -> tensor<1x2x!fx.fixed<7, 5, signed>>}> ({
  ^bb0(%0: tensor<1x4x4x2xf32>):
    %1 = "fx.quantize"(%0) <{rounding = "RND_CONV", overflow = "SAT", round_first = false, scale = #fx.array<"f64", [], [0.25]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "x_quantizer"}> : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2x!fx.fixed<4, 2, signed>>
    %2 = "flow.source"(%1) <{origin = "x"}> : (tensor<1x4x4x2x!fx.fixed<4, 2, signed>>) -> !flow.stream<tensor<1x4x4x2x!fx.fixed<4, 2, signed>>, 3>
    %3 = "flow.window"(%2) <{kernel = #fx.array<"i8", [2], [2, 1]>, strides = #fx.array<"i8", [2], [1, 1]>, dilations = #fx.array<"i8", [2], [1, 1]>, padding = #fx.array<"i8", [4], [0, 0, 1, 0]>, fill = "zero", origin = "conv"}> : (!flow.stream<tensor<1x4x4x2x!fx.fixed<4, 2, signed>>, 3>) -> !flow.stream<tensor<1x4x4x2x1x2x!fx.fixed<4, 2, signed>>, 3>
    %4 = "flow.stage"(%3, %2) <{label = "conv", origin = "conv"}> ({
    ^bb0(%5: tensor<1x1x1x2x1x2x!fx.fixed<4, 2, signed>>, %6: tensor<1x1x1x2x!fx.fixed<4, 2, signed>>):
      %7 = "nn.reshape"(%5) <{shape = #fx.array<"i8", [4], [1, 1, 1, 4]>, origin = "conv"}> : (tensor<1x1x1x2x1x2x!fx.fixed<4, 2, signed>>) -> tensor<1x1x1x4x!fx.fixed<4, 2, signed>>
      %8 = "fx.constant"() <{value = #fx.array<"i8", [4, 2], [-2, -1, 0, 1, -2, -1, 0, 1]>}> : () -> tensor<4x2x!fx.fixed<3, 3, signed>>
      %9 = "nn.dense"(%7, %8) <{strategy = "latency", origin = "conv"}> : (tensor<1x1x1x4x!fx.fixed<4, 2, signed>>, tensor<4x2x!fx.fixed<3, 3, signed>>) -> tensor<1x1x1x2x!fx.fixed<7, 5, signed>>
      %10 = "fx.cast"(%9) <{rounding = "TRN", overflow = "SAT", origin = "conv"}> : (tensor<1x1x1x2x!fx.fixed<7, 5, signed>>) -> tensor<1x1x1x2x!fx.fixed<6, 4, signed>>
      %11 = "nn.add"(%6, %10) <{origin = "skip"}> : (tensor<1x1x1x2x!fx.fixed<4, 2, signed>>, tensor<1x1x1x2x!fx.fixed<6, 4, signed>>) -> tensor<1x1x1x2x!fx.fixed<7, 5, signed>>
      "flow.yield"(%11) : (tensor<1x1x1x2x!fx.fixed<7, 5, signed>>) -> ()
    }) : (!flow.stream<tensor<1x4x4x2x1x2x!fx.fixed<4, 2, signed>>, 3>, !flow.stream<tensor<1x4x4x2x!fx.fixed<4, 2, signed>>, 3>) -> !flow.stream<tensor<1x4x4x2x!fx.fixed<7, 5, signed>>, 3>
    %12 = "flow.reduce"(%4) <{kind = "max", axes = #fx.array<"i8", [2], [1, 2]>, keep_axes = false, origin = "pool"}> : (!flow.stream<tensor<1x4x4x2x!fx.fixed<7, 5, signed>>, 3>) -> !flow.stream<tensor<1x2x!fx.fixed<7, 5, signed>>, 1>
    %13 = "flow.sink"(%12) <{origin = "y"}> : (!flow.stream<tensor<1x2x!fx.fixed<7, 5, signed>>, 1>) -> tensor<1x2x!fx.fixed<7, 5, signed>>
    "func.return"(%13) : (tensor<1x2x!fx.fixed<7, 5, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "skip", output_names = ["y"]} : () -> ()
}) : () -> ()

// CHECK: "flow.source"(%1)
// CHECK-NEXT: "flow.fifo"(%2) <{depth = 3 : i64, label = "conv_window_in", origin = "conv"}>
// CHECK-NEXT: "flow.window"(%3)
// CHECK-NEXT: "flow.fifo"(%4) <{depth = 3 : i64, label = "conv_in", origin = "conv"}>
// CHECK-NEXT: "flow.fifo"(%2) <{depth = 3 : i64, label = "conv_in2", origin = "conv"}>
// CHECK-NEXT: "flow.stage"(%5, %6)
// CHECK: "flow.fifo"(%7) <{depth = 3 : i64, label = "pool_reduce_in", origin = "pool"}>
// CHECK-NEXT: "flow.reduce"(%15)
// CHECK-NEXT: "flow.fifo"(%16) <{depth = 3 : i64, label = "y_sink_in", origin = "y"}>
// CHECK-NEXT: "flow.sink"(%17)
