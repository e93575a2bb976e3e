"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x3x4xf32>) -> tensor<1x4xf32>}> ({
  ^bb0(%0: tensor<1x3x4xf32>):
    %1 = "fx.constant"() <{value = #fx.array<"f32", [4, 4], [-0.8125, -0.59375, 0.4375, 0.34375, -0.3125, -0.0, 0.21875, 0.234375, 0.4375, 0.125, -0.046875, -0.125, 0.53125, -1.125, -0.0625, 0.015625]>}> : () -> tensor<4x4xf32>
    %2 = "nn.matmul"(%0, %1) <{origin = "query"}> : (tensor<1x3x4xf32>, tensor<4x4xf32>) -> tensor<1x3x4xf32>
    %3 = "fx.constant"() <{value = #fx.array<"f32", [4, 4], [-0.71875, 0.171875, -0.328125, 0.4375, -0.0625, 0.328125, 0.609375, 0.1875, -0.4375, -0.75, 0.875, -0.0625, -0.34375, 0.078125, -0.09375, 0.421875]>}> : () -> tensor<4x4xf32>
    %4 = "nn.matmul"(%0, %3) <{origin = "key"}> : (tensor<1x3x4xf32>, tensor<4x4xf32>) -> tensor<1x3x4xf32>
    %5 = "fx.constant"() <{value = #fx.array<"f32", [4, 4], [0.015625, 0.0, -0.359375, 0.234375, -0.515625, 0.328125, 0.765625, -0.765625, -1.234375, 0.3125, 1.28125, -0.5, -0.625, 0.296875, -0.421875, -0.25]>}> : () -> tensor<4x4xf32>
    %6 = "nn.matmul"(%0, %5) <{origin = "value"}> : (tensor<1x3x4xf32>, tensor<4x4xf32>) -> tensor<1x3x4xf32>
    %7 = "nn.transpose"(%4) <{permutation = #fx.array<"i8", [3], [0, 2, 1]>, origin = "key_t"}> : (tensor<1x3x4xf32>) -> tensor<1x4x3xf32>
    %8 = "nn.matmul"(%2, %7) <{origin = "scores"}> : (tensor<1x3x4xf32>, tensor<1x4x3xf32>) -> tensor<1x3x3xf32>
    %9 = "fx.constant"() <{value = #fx.array<"f32", [], [0.5]>}> : () -> tensor<f32>
    %10 = "nn.mul"(%8, %9) <{origin = "scale"}> : (tensor<1x3x3xf32>, tensor<f32>) -> tensor<1x3x3xf32>
    %11 = "nn.softmax"(%10) <{axis = -1 : i64, origin = "softmax"}> : (tensor<1x3x3xf32>) -> tensor<1x3x3xf32>
    %12 = "nn.matmul"(%11, %6) <{origin = "context"}> : (tensor<1x3x3xf32>, tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
    %13 = "nn.add"(%12, %0) <{origin = "residual"}> : (tensor<1x3x4xf32>, tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
    %14 = "nn.reduce"(%13) <{kind = "max", axes = #fx.array<"i8", [1], [1]>, keep_axes = false, origin = "pool"}> : (tensor<1x3x4xf32>) -> tensor<1x4xf32>
    "func.return"(%14) : (tensor<1x4xf32>) -> ()
  }) {input_names = ["tokens"], batched = true, model = "attention", output_names = ["pooled"]} : () -> ()
}) : () -> ()
