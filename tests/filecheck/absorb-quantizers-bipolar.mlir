// RUN-PASSES: absorb-quantizers

// The sign is one threshold at zero, twice: the level rises by two.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2xf32>) -> tensor<1x2xf32>}> ({
  ^bb0(%0: tensor<1x2xf32>):
    %1 = "nn.quant"(%0) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.5]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "in"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    %2 = "nn.quant"(%1) <{rounding = "BIPOLAR", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.7]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-1.0]>, high = #fx.array<"f64", [], [1.0]>, origin = "sign"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    "func.return"(%2) : (tensor<1x2xf32>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.quantize"(%0) <{scale = #fx.array<"f64", [], [0.5]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, rounding = "RND_CONV", overflow = "SAT", round_first = false, origin = "in"}>{{.*}} -> tensor<1x2x!fx.fixed<4, 3, signed>>
// CHECK-NEXT: "fx.threshold"(%1) <{thresholds = #fx.array<"i8", [1, 1, 2], [0, 0]>, base = #fx.array<"i8", [1, 1], [-1]>, sign = #fx.array<"i8", [1, 1], [1]>, origin = "sign"}>{{.*}} -> tensor<1x2x!fx.fixed<2, 2, signed>>
// CHECK-NEXT: "fx.dequantize"(%2) <{scale = #fx.array<"f64", [], [0.7]>, offset = #fx.array<"f64", [], [0.0]>, origin = "sign"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "func.return"(%3)
