// RUN-PASSES: transposes-to-host

// The host turns real numbers round, in front of the quantizer and behind the decoder.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2x3xf32>) -> tensor<1x2x3xf32>}> ({
  ^bb0(%0: tensor<1x2x3xf32>):
    %1 = "fx.quantize"(%0) <{scale = #fx.array<"f64", [2, 1], [1.0, 2.0]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, rounding = "RND_CONV", overflow = "SAT", round_first = false, origin = "q"}> : (tensor<1x2x3xf32>) -> tensor<1x2x3x!fx.fixed<4, 4, signed>>
    %2 = "nn.transpose"(%1) <{permutation = #fx.array<"i8", [3], [0, 2, 1]>, origin = "t"}> : (tensor<1x2x3x!fx.fixed<4, 4, signed>>) -> tensor<1x3x2x!fx.fixed<4, 4, signed>>
    %3 = "nn.relu"(%2) <{origin = "r"}> : (tensor<1x3x2x!fx.fixed<4, 4, signed>>) -> tensor<1x3x2x!fx.fixed<3, 3, unsigned>>
    %4 = "nn.transpose"(%3) <{permutation = #fx.array<"i8", [3], [0, 2, 1]>, origin = "t2"}> : (tensor<1x3x2x!fx.fixed<3, 3, unsigned>>) -> tensor<1x2x3x!fx.fixed<3, 3, unsigned>>
    %5 = "fx.dequantize"(%4) <{scale = #fx.array<"f64", [2, 1], [1.0, 2.0]>, offset = #fx.array<"f64", [], [0.0]>, origin = "y"}> : (tensor<1x2x3x!fx.fixed<3, 3, unsigned>>) -> tensor<1x2x3xf32>
    "func.return"(%5) : (tensor<1x2x3xf32>) -> ()
  }) {input_names = ["x"], batched = true, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "nn.transpose"(%0) <{permutation = #fx.array<"i8", [3], [0, 2, 1]>, origin = "q"}>{{.*}} -> tensor<1x3x2xf32>
// CHECK-NEXT: "fx.quantize"(%1) <{scale = #fx.array<"f64", [1, 1, 2], [1.0, 2.0]>
// CHECK-NEXT: "nn.relu"(%2)
// CHECK-NEXT: "fx.dequantize"(%3) <{scale = #fx.array<"f64", [1, 1, 2], [1.0, 2.0]>
// CHECK-NEXT: "nn.transpose"(%4) <{permutation = #fx.array<"i8", [3], [0, 2, 1]>, origin = "y"}>
// CHECK-NEXT: "func.return"(%5)
