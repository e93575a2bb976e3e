// RUN-PASSES: fold-constants

// Ops of constants are computed; a quantizer of a constant stays, because its scale is needed later.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2xf32>) -> tensor<1x2xf32>}> ({
  ^bb0(%0: tensor<1x2xf32>):
    %1 = "fx.constant"() <{value = #fx.array<"f32", [2], [1.0, 2.0]>}> : () -> tensor<2xf32>
    %2 = "fx.constant"() <{value = #fx.array<"f32", [2], [3.0, 4.0]>}> : () -> tensor<2xf32>
    %3 = "nn.mul"(%1, %2) <{origin = "double"}> : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    %4 = "fx.constant"() <{value = #fx.array<"f32", [2], [0.5, 1.0]>}> : () -> tensor<2xf32>
    %5 = "nn.quant"(%4) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.5]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "keep"}> : (tensor<2xf32>) -> tensor<2xf32>
    %6 = "nn.add"(%3, %5) <{origin = "bias"}> : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    %7 = "nn.add"(%0, %6) <{origin = "out"}> : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
    "func.return"(%7) : (tensor<1x2xf32>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.constant"() <{value = #fx.array<"f64", [2], [3.0, 8.0]>, origin = "double"}>{{.*}} -> tensor<2xf32>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"f32", [2], [0.5, 1.0]>}>{{.*}} -> tensor<2xf32>
// CHECK-NEXT: "nn.quant"(%2) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.5]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "keep"}>{{.*}} -> tensor<2xf32>
// CHECK-NEXT: "nn.add"(%1, %3) <{origin = "bias"}>{{.*}} -> tensor<2xf32>
// CHECK-NEXT: "nn.add"(%0, %4) <{origin = "out"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "func.return"(%5)
