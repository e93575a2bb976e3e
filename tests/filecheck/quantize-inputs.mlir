// RUN-PASSES: quantize-inputs{precision="x=fixed<8,3,TRN,WRAP>"}

// The named input gets its format; the other one has a quantizer of its own behind a host op.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2xf32>, tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>)}> ({
  ^bb0(%0: tensor<1x2xf32>, %1: tensor<1x2xf32>):
    %2 = "nn.relu"(%0) <{origin = "act"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    %3 = "fx.constant"() <{value = #fx.array<"f32", [1], [2.0]>}> : () -> tensor<1xf32>
    %4 = "nn.mul"(%1, %3) <{origin = "pre"}> : (tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x2xf32>
    %5 = "nn.quant"(%4) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.5]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "own"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    "func.return"(%2, %5) : (tensor<1x2xf32>, tensor<1x2xf32>) -> ()
  }) {input_names = ["x", "z"], batched = false, model = "model", output_names = ["y0", "y1"]} : () -> ()
}) : () -> ()

// CHECK: "fx.quantize"(%0) <{scale = #fx.array<"f64", [], [0.03125]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-128.0]>, high = #fx.array<"f64", [], [127.0]>, rounding = "TRN", overflow = "WRAP", round_first = false, origin = "x"}>{{.*}} -> tensor<1x2x!fx.fixed<8, 3, signed>>
// CHECK-NEXT: "fx.dequantize"(%2) <{scale = #fx.array<"f64", [], [1.0]>, offset = #fx.array<"f64", [], [0.0]>, origin = "x"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "nn.relu"(%3) <{origin = "act"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"f32", [1], [2.0]>}>{{.*}} -> tensor<1xf32>
// CHECK-NEXT: "nn.mul"(%1, %5) <{origin = "pre"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "nn.quant"(%6) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.5]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "own"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "func.return"(%4, %7)
