// RUN-PASSES: absorb-quantizers

// Relabelled binary points, then a cast that truncates.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2xf32>) -> tensor<1x2xf32>}> ({
  ^bb0(%0: tensor<1x2xf32>):
    %1 = "nn.quant"(%0) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.25]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-128.0]>, high = #fx.array<"f64", [], [127.0]>, origin = "in"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    %2 = "nn.trunc"(%1) <{scale = #fx.array<"f64", [], [0.25]>, zero_point = #fx.array<"f64", [], [0.0]>, output_scale = #fx.array<"f64", [], [1.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, rounding = "TRN", origin = "cut"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    "func.return"(%2) : (tensor<1x2xf32>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.quantize"(%0) <{scale = #fx.array<"f64", [], [0.25]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-128.0]>, high = #fx.array<"f64", [], [127.0]>, rounding = "RND_CONV", overflow = "SAT", round_first = false, origin = "in"}>{{.*}} -> tensor<1x2x!fx.fixed<8, 6, signed>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [], [1]>, origin = "cut"}>{{.*}} -> tensor<!fx.fixed<1, 3, unsigned>>
// CHECK-NEXT: "nn.mul"(%1, %2) <{origin = "cut"}>{{.*}} -> tensor<1x2x!fx.fixed<8, 8, signed>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [], [1]>, origin = "cut"}>{{.*}} -> tensor<!fx.fixed<1, -1, unsigned>>
// CHECK-NEXT: "nn.mul"(%3, %4) <{origin = "cut"}>{{.*}} -> tensor<1x2x!fx.fixed<8, 6, signed>>
// CHECK-NEXT: "fx.cast"(%5) <{rounding = "TRN", overflow = "SAT", origin = "cut"}>{{.*}} -> tensor<1x2x!fx.fixed<4, 4, signed>>
// CHECK-NEXT: "fx.dequantize"(%6) <{scale = #fx.array<"f64", [], [1.0]>, offset = #fx.array<"f64", [], [0.0]>, origin = "cut"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "func.return"(%7)
