// RUN-PASSES: absorb-quantizers

// Powers of two become formats; 4 narrow bits are -7 to 7, which is symmetric saturation.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2xf32>) -> tensor<1x2xf32>}> ({
  ^bb0(%0: tensor<1x2xf32>):
    %1 = "nn.quant"(%0) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.25]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "in"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    %2 = "fx.constant"() <{value = #fx.array<"f32", [2, 2], [1.0, -1.0, 0.5, 2.0]>}> : () -> tensor<2x2xf32>
    %3 = "nn.quant"(%2) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.5]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "w"}> : (tensor<2x2xf32>) -> tensor<2x2xf32>
    %4 = "nn.matmul"(%1, %3) <{origin = "fc"}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
    %5 = "nn.quant"(%4) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.5]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-7.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "narrow"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    "func.return"(%5) : (tensor<1x2xf32>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.quantize"(%0) <{scale = #fx.array<"f64", [], [0.25]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, rounding = "RND_CONV", overflow = "SAT", round_first = false, origin = "in"}>{{.*}} -> tensor<1x2x!fx.fixed<4, 2, signed>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [2, 2], [2, -2, 1, 4]>, origin = "w"}>{{.*}} -> tensor<2x2x!fx.fixed<4, 3, signed>>
// CHECK-NEXT: "nn.matmul"(%1, %2) <{origin = "fc"}>{{.*}} -> tensor<1x2x!fx.fixed<7, 4, signed>>
// CHECK-NEXT: "fx.cast"(%3) <{rounding = "RND_CONV", overflow = "SAT_SYM", origin = "narrow"}>{{.*}} -> tensor<1x2x!fx.fixed<4, 3, signed>>
// CHECK-NEXT: "fx.dequantize"(%4) <{scale = #fx.array<"f64", [], [1.0]>, offset = #fx.array<"f64", [], [0.0]>, origin = "narrow"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "func.return"(%5)
