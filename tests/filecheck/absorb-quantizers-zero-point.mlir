// RUN-PASSES: absorb-quantizers

// Rounding to even needs an odd zero point added first; an even one only moves the bounds.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2xf32>) -> tensor<1x2xf32>}> ({
  ^bb0(%0: tensor<1x2xf32>):
    %1 = "nn.quant"(%0) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.25]>, zero_point = #fx.array<"f64", [], [3.0]>, low = #fx.array<"f64", [], [0.0]>, high = #fx.array<"f64", [], [15.0]>, origin = "in"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    %2 = "nn.quant"(%1) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.5]>, zero_point = #fx.array<"f64", [], [3.0]>, low = #fx.array<"f64", [], [0.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "odd"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    %3 = "nn.quant"(%2) <{rounding = "RND_CONV", output = "level", round_first = false, scale = #fx.array<"f64", [], [1.0]>, zero_point = #fx.array<"f64", [], [2.0]>, low = #fx.array<"f64", [], [0.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "even"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    "func.return"(%3) : (tensor<1x2xf32>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.quantize"(%0) <{scale = #fx.array<"f64", [], [0.25]>, zero_point = #fx.array<"f64", [], [3.0]>, low = #fx.array<"f64", [], [0.0]>, high = #fx.array<"f64", [], [15.0]>, rounding = "RND_CONV", overflow = "SAT", round_first = false, origin = "in"}>{{.*}} -> tensor<1x2x!fx.fixed<5, 3, signed>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [], [3]>, origin = "odd"}>{{.*}} -> tensor<!fx.fixed<2, 1, unsigned>>
// CHECK-NEXT: "nn.add"(%1, %2) <{origin = "odd"}>{{.*}} -> tensor<1x2x!fx.fixed<6, 4, signed>>
// CHECK-NEXT: "fx.cast"(%3) <{rounding = "RND_CONV", overflow = "SAT", origin = "odd"}>{{.*}} -> tensor<1x2x!fx.fixed<3, 2, unsigned>>
// CHECK-NEXT: "nn.sub"(%4, %2) <{origin = "odd"}>{{.*}} -> tensor<1x2x!fx.fixed<4, 3, signed>>
// CHECK-NEXT: "fx.cast"(%5) <{rounding = "RND_CONV", overflow = "SAT", origin = "even"}>{{.*}} -> tensor<1x2x!fx.fixed<4, 4, signed>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [], [-2]>, origin = "even"}>{{.*}} -> tensor<!fx.fixed<2, 2, signed>>
// CHECK-NEXT: "nn.max"(%6, %7) <{origin = "even"}>{{.*}} -> tensor<1x2x!fx.fixed<4, 4, signed>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [], [5]>, origin = "even"}>{{.*}} -> tensor<!fx.fixed<3, 3, unsigned>>
// CHECK-NEXT: "nn.min"(%8, %9) <{origin = "even"}>{{.*}} -> tensor<1x2x!fx.fixed<4, 4, signed>>
// CHECK-NEXT: "fx.dequantize"(%10) <{scale = #fx.array<"f64", [], [1.0]>, offset = #fx.array<"f64", [], [2.0]>, origin = "even"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "func.return"(%11)
