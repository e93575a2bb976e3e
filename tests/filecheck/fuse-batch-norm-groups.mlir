// RUN-PASSES: fuse-batch-norm

// The slope of a depthwise convolution goes into the weights of each group.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2x1x1xf32>) -> tensor<1x2xf32>}> ({
  ^bb0(%0: tensor<1x2x1x1xf32>):
    %1 = "fx.constant"() <{value = #fx.array<"f32", [2, 1, 1], [1.0, 2.0]>}> : () -> tensor<2x1x1xf32>
    %2 = "nn.matmul"(%0, %1) <{origin = "dw"}> : (tensor<1x2x1x1xf32>, tensor<2x1x1xf32>) -> tensor<1x2x1x1xf32>
    %3 = "nn.reshape"(%2) <{shape = #fx.array<"i8", [2], [1, 2]>, origin = "dw"}> : (tensor<1x2x1x1xf32>) -> tensor<1x2xf32>
    %4 = "fx.constant"() <{value = #fx.array<"f32", [2], [1.0, -1.0]>}> : () -> tensor<2xf32>
    %5 = "nn.add"(%3, %4) <{origin = "dw_bias"}> : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
    %6 = "nn.batch_norm"(%5) <{epsilon = 0.000000e+00 : f64, scale = #fx.array<"f64", [2], [2.0, -3.0]>, bias = #fx.array<"f64", [2], [1.0, 0.0]>, mean = #fx.array<"f64", [2], [0.5, 0.0]>, variance = #fx.array<"f64", [2], [1.0, 1.0]>, origin = "bn1"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    "func.return"(%6) : (tensor<1x2xf32>) -> ()
  }) {input_names = ["x"], batched = true, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.constant"() <{value = #fx.array<"f64", [2, 1, 1], [2.0, -6.0]>, origin = "dw"}>
// CHECK-NEXT: "nn.matmul"(%0, %1) <{origin = "dw"}>
// CHECK-NEXT: "nn.reshape"(%2) <{shape = #fx.array<"i8", [2], [1, 2]>, origin = "dw"}>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"f64", [2], [2.0, 3.0]>, origin = "dw_bias"}>
// CHECK-NEXT: "nn.add"(%3, %4) <{origin = "dw_bias"}>
// CHECK-NEXT: "func.return"(%5)
