// RUN-PASSES: decompose-functions

// Softmax, layer normalisation, GELU and division become ops with an exact meaning.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x4xf32>) -> (tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>)}> ({
  ^bb0(%0: tensor<1x4xf32>):
    %1 = "nn.softmax"(%0) <{axis = -1 : i64, origin = "soft"}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
    %2 = "nn.function"(%0) <{function = "gelu", origin = "act"}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
    %3 = "nn.div"(%0, %2) <{origin = "ratio"}> : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
    %4 = "nn.layer_norm"(%0) <{scale = #fx.array<"f64", [4], [1.0, 1.0, 1.0, 1.0]>, bias = #fx.array<"f64", [4], [1.0, 1.0, 1.0, 1.0]>, axis = -1 : i64, epsilon = 5.000000e-01 : f64, origin = "norm"}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
    "func.return"(%1, %3, %4) : (tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0", "y1", "y2"]} : () -> ()
}) : () -> ()

// CHECK: "nn.reduce"(%0) <{kind = "max", axes = #fx.array<"i8", [1], [1]>, keep_axes = true, origin = "soft"}>{{.*}} -> tensor<1x1xf32>
// CHECK-NEXT: "nn.sub"(%1, %0) <{origin = "soft"}>{{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: "nn.relu"(%2) <{origin = "soft"}>{{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: "nn.function"(%3) <{function = "exp_negative", origin = "soft"}>{{.*}}default_precision = "ufixed<18,1,RND_CONV,SAT>"{{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: "nn.reduce"(%4) <{kind = "sum", axes = #fx.array<"i8", [1], [1]>, keep_axes = true, origin = "soft"}>{{.*}} -> tensor<1x1xf32>
// CHECK-NEXT: "nn.function"(%5) <{function = "reciprocal", origin = "soft"}>{{.*}}default_precision = "ufixed<18,1,RND_CONV,SAT>"{{.*}} -> tensor<1x1xf32>
// CHECK-NEXT: "nn.mul"(%4, %6) <{origin = "soft"}>{{.*}}default_precision = "ufixed<18,1,RND_CONV,SAT>"{{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: "nn.function"(%0) <{function = "gelu_minus_relu", origin = "act"}>{{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: "nn.relu"(%0) <{origin = "act"}>{{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: "nn.add"(%9, %8) <{origin = "act"}>{{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: "nn.function"(%10) <{function = "reciprocal", origin = "ratio"}>{{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: "nn.mul"(%0, %11) <{origin = "ratio"}>{{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: "nn.reduce"(%0) <{kind = "mean", axes = #fx.array<"i8", [1], [1]>, keep_axes = true, origin = "norm"}>{{.*}} -> tensor<1x1xf32>
// CHECK-NEXT: "nn.sub"(%0, %13) <{origin = "norm"}>{{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: "nn.mul"(%14, %14) <{origin = "norm"}>{{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: "nn.reduce"(%15) <{kind = "mean", axes = #fx.array<"i8", [1], [1]>, keep_axes = true, origin = "norm"}>{{.*}} -> tensor<1x1xf32>
// CHECK-NEXT: "nn.function"(%16) <{function = "rsqrt", parameters = [5.000000e-01 : f64], origin = "norm"}>{{.*}} -> tensor<1x1xf32>
// CHECK-NEXT: "nn.mul"(%14, %17) <{origin = "norm"}>{{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"f64", [4], [1.0, 1.0, 1.0, 1.0]>, origin = "norm"}>{{.*}} -> tensor<4xf32>
// CHECK-NEXT: "nn.add"(%18, %19) <{origin = "norm"}>{{.*}} -> tensor<1x4xf32>
// CHECK-NEXT: "func.return"(%7, %12, %20)
