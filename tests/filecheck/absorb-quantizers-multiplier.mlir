// RUN-PASSES: absorb-quantizers{requantize="multiplier" multiplier-bits=8}

// 77 / 128 stands for 0.3 / 0.5; the note states the error.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2xf32>) -> tensor<1x2xf32>}> ({
  ^bb0(%0: tensor<1x2xf32>):
    %1 = "nn.quant"(%0) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.3]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "in"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    %2 = "nn.quant"(%1) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.5]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "out"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    "func.return"(%2) : (tensor<1x2xf32>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.quantize"(%0) <{scale = #fx.array<"f64", [], [0.3]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, rounding = "RND_CONV", overflow = "SAT", round_first = false, origin = "in"}>{{.*}} -> tensor<1x2x!fx.fixed<4, 4, signed>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [], [77]>, origin = "out"}>{{.*}} -> tensor<!fx.fixed<7, 0, unsigned>>
// CHECK-NEXT: "nn.mul"(%1, %2) <{origin = "out"}>{{.*}} -> tensor<1x2x!fx.fixed<11, 4, signed>>
// CHECK-NEXT: "fx.cast"(%3) <{rounding = "RND_CONV", overflow = "SAT", origin = "out"}>{{.*}} -> tensor<1x2x!fx.fixed<4, 4, signed>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [], [1]>, origin = "out"}>{{.*}} -> tensor<!fx.fixed<1, 0, unsigned>>
// CHECK-NEXT: "nn.mul"(%4, %5) <{origin = "out"}>{{.*}} -> tensor<1x2x!fx.fixed<4, 3, signed>>
// CHECK-NEXT: "fx.dequantize"(%6) <{scale = #fx.array<"f64", [], [1.0]>, offset = #fx.array<"f64", [], [0.0]>, origin = "out"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "func.return"(%7)
// CHECK: notes = {{\[\[}}"out", "scale by a 8-bit multiplier: at most 0.0125 levels before rounding"{{\]\]}}
