// RUN-PASSES: stream-lower

// A convolution with a skip connection becomes a line buffer and a stage, a global pool a reduction over beats.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x4x4x2xf32>) -> tensor<1x2x!fx.fixed<7, 5, signed>>}> ({
  ^bb0(%0: tensor<1x4x4x2xf32>):
    %1 = "fx.quantize"(%0) <{rounding = "RND_CONV", overflow = "SAT", round_first = false, scale = #fx.array<"f64", [], [0.25]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "x_quantizer"}> : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2x!fx.fixed<4, 2, signed>>
    %2 = "nn.window"(%1) <{kernel = #fx.array<"i8", [2], [2, 1]>, strides = #fx.array<"i8", [2], [1, 1]>, dilations = #fx.array<"i8", [2], [1, 1]>, padding = #fx.array<"i8", [4], [0, 0, 1, 0]>, fill = "zero", origin = "conv"}> : (tensor<1x4x4x2x!fx.fixed<4, 2, signed>>) -> tensor<1x4x4x2x1x2x!fx.fixed<4, 2, signed>>
    %3 = "nn.reshape"(%2) <{shape = #fx.array<"i8", [4], [1, 4, 4, 4]>, origin = "conv"}> : (tensor<1x4x4x2x1x2x!fx.fixed<4, 2, signed>>) -> tensor<1x4x4x4x!fx.fixed<4, 2, signed>>
    %4 = "fx.constant"() <{value = #fx.array<"i8", [4, 2], [-2, -1, 0, 1, -2, -1, 0, 1]>}> : () -> tensor<4x2x!fx.fixed<3, 3, signed>>
    %5 = "nn.dense"(%3, %4) <{strategy = "latency", origin = "conv"}> : (tensor<1x4x4x4x!fx.fixed<4, 2, signed>>, tensor<4x2x!fx.fixed<3, 3, signed>>) -> tensor<1x4x4x2x!fx.fixed<7, 5, signed>>
    %6 = "fx.cast"(%5) <{rounding = "TRN", overflow = "SAT", origin = "conv"}> : (tensor<1x4x4x2x!fx.fixed<7, 5, signed>>) -> tensor<1x4x4x2x!fx.fixed<6, 4, signed>>
    %7 = "nn.add"(%1, %6) <{origin = "skip"}> : (tensor<1x4x4x2x!fx.fixed<4, 2, signed>>, tensor<1x4x4x2x!fx.fixed<6, 4, signed>>) -> tensor<1x4x4x2x!fx.fixed<7, 5, signed>>
    %8 = "nn.reduce"(%7) <{kind = "max", axes = #fx.array<"i8", [2], [1, 2]>, keep_axes = false, origin = "pool"}> : (tensor<1x4x4x2x!fx.fixed<7, 5, signed>>) -> tensor<1x2x!fx.fixed<7, 5, signed>>
    "func.return"(%8) : (tensor<1x2x!fx.fixed<7, 5, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "skip", output_names = ["y"]} : () -> ()
}) : () -> ()

// CHECK: "flow.source"(%1) <{origin = "x"}> : {{.*}} -> !flow.stream<tensor<1x4x4x2x!fx.fixed<4, 2, signed>>, 3>
// CHECK-NEXT: "flow.window"(%2) <{kernel = {{.*}}[2, 1]>,
// CHECK-NEXT: "flow.stage"(%3, %2) <{label = "conv", origin = "conv"}> ({
// CHECK-NEXT: ^bb0(%5: tensor<1x1x1x2x1x2x!fx.fixed<4, 2, signed>>, %6: tensor<1x1x1x2x!fx.fixed<4, 2, signed>>):
// CHECK-NEXT: "nn.reshape"(%5) <{shape = {{.*}}[1, 1, 1, 4]>, origin = "conv"}>
// CHECK: "nn.dense"(%7, %8) <{strategy = "latency", origin = "conv"}>
// CHECK: "nn.add"(%6, %10) <{origin = "skip"}>
// CHECK-NEXT: "flow.yield"(%11)
// CHECK: "flow.reduce"(%4) <{kind = "max", {{.*}} -> !flow.stream<tensor<1x2x!fx.fixed<{{.*}}>>, 1>
// CHECK-NEXT: "flow.sink"(%12) <{origin = "y"}>
// CHECK-NEXT: "func.return"(%13)
