// RUN-PASSES: absorb-quantizers

// Slopes of both signs, an offset and a rectifier end in thresholds per channel.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2xf32>) -> tensor<1x2xf32>}> ({
  ^bb0(%0: tensor<1x2xf32>):
    %1 = "nn.quant"(%0) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.3]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "in"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    %2 = "nn.batch_norm"(%1) <{epsilon = 0.000000e+00 : f64, scale = #fx.array<"f64", [2], [2.0, -3.0]>, bias = #fx.array<"f64", [2], [1.0, 0.0]>, mean = #fx.array<"f64", [2], [0.5, 0.0]>, variance = #fx.array<"f64", [2], [1.0, 1.0]>, origin = "bn"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    %3 = "nn.relu"(%2) <{origin = "act"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    %4 = "nn.quant"(%3) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.7]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [0.0]>, high = #fx.array<"f64", [], [3.0]>, origin = "out"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    "func.return"(%4) : (tensor<1x2xf32>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.quantize"(%0) <{scale = #fx.array<"f64", [], [0.3]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, rounding = "RND_CONV", overflow = "SAT", round_first = false, origin = "in"}>{{.*}} -> tensor<1x2x!fx.fixed<4, 4, signed>>
// CHECK-NEXT: "fx.threshold"(%1) <{thresholds = #fx.array<"i8", [1, 2, 3], [1, 2, 3, -1, -1, 0]>, base = #fx.array<"i8", [1, 2], [0, 3]>, sign = #fx.array<"i8", [1, 2], [1, -1]>, origin = "out"}>{{.*}} -> tensor<1x2x!fx.fixed<2, 2, unsigned>>
// CHECK-NEXT: "fx.dequantize"(%2) <{scale = #fx.array<"f64", [], [0.7]>, offset = #fx.array<"f64", [], [0.0]>, origin = "out"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "func.return"(%3)
