// RUN-PASSES: fuse-batch-norm

// Slope and intercept go into weights and bias, which keep the layer's name.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2xf32>) -> tensor<1x2xf32>}> ({
  ^bb0(%0: tensor<1x2xf32>):
    %1 = "fx.constant"() <{value = #fx.array<"f32", [2, 2], [1.0, 2.0, 3.0, 4.0]>}> : () -> tensor<2x2xf32>
    %2 = "nn.matmul"(%0, %1) <{origin = "fc1"}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
    %3 = "fx.constant"() <{value = #fx.array<"f32", [2], [1.0, -1.0]>}> : () -> tensor<2xf32>
    %4 = "nn.add"(%2, %3) <{origin = "fc1_bias"}> : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
    %5 = "nn.batch_norm"(%4) <{epsilon = 0.000000e+00 : f64, scale = #fx.array<"f64", [2], [2.0, -3.0]>, bias = #fx.array<"f64", [2], [1.0, 0.0]>, mean = #fx.array<"f64", [2], [0.5, 0.0]>, variance = #fx.array<"f64", [2], [1.0, 1.0]>, origin = "bn1"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    "func.return"(%5) : (tensor<1x2xf32>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.constant"() <{value = #fx.array<"f64", [2, 2], [2.0, -6.0, 6.0, -12.0]>, origin = "fc1"}>{{.*}} -> tensor<2x2xf32>
// CHECK-NEXT: "nn.matmul"(%0, %1) <{origin = "fc1"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"f64", [2], [2.0, 3.0]>, origin = "fc1_bias"}>{{.*}} -> tensor<2xf32>
// CHECK-NEXT: "nn.add"(%2, %3) <{origin = "fc1_bias"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "func.return"(%4)
