// RUN-PASSES: channels-last

// The transposes around a rectifier and a sum meet; zeros around the image become padding; the rows of the
// layer behind the flattened image are permuted, not the image.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x1x2x2xf32>) -> tensor<1x1xf32>}> ({
  ^bb0(%0: tensor<1x1x2x2xf32>):
    %1 = "nn.concat"(%0, %0) <{axis = 1 : i64, origin = "both"}> : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32>
    %2 = "nn.transpose"(%1) <{permutation = #fx.array<"i8", [4], [0, 2, 3, 1]>, origin = "turn"}> : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
    %3 = "nn.relu"(%2) <{origin = "act"}> : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
    %4 = "nn.transpose"(%3) <{permutation = #fx.array<"i8", [4], [0, 3, 1, 2]>, origin = "back"}> : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
    %5 = "fx.constant"() <{value = #fx.array<"f32", [1, 2, 1, 2], [0.0, 0.0, 0.0, 0.0]>}> : () -> tensor<1x2x1x2xf32>
    %6 = "nn.concat"(%4, %5) <{axis = 2 : i64, origin = "pad"}> : (tensor<1x2x2x2xf32>, tensor<1x2x1x2xf32>) -> tensor<1x2x3x2xf32>
    %7 = "nn.transpose"(%6) <{permutation = #fx.array<"i8", [4], [0, 2, 3, 1]>, origin = "pool"}> : (tensor<1x2x3x2xf32>) -> tensor<1x3x2x2xf32>
    %8 = "nn.window"(%7) <{kernel = #fx.array<"i8", [2], [3, 1]>, strides = #fx.array<"i8", [2], [1, 1]>, dilations = #fx.array<"i8", [2], [1, 1]>, padding = #fx.array<"i8", [4], [0, 0, 0, 0]>, fill = "zero", origin = "pool"}> : (tensor<1x3x2x2xf32>) -> tensor<1x1x2x3x1x2xf32>
    %9 = "nn.reduce"(%8) <{kind = "sum", axes = #fx.array<"i8", [2], [3, 4]>, keep_axes = false, origin = "pool"}> : (tensor<1x1x2x3x1x2xf32>) -> tensor<1x1x2x2xf32>
    %10 = "nn.transpose"(%9) <{permutation = #fx.array<"i8", [4], [0, 3, 1, 2]>, origin = "pool"}> : (tensor<1x1x2x2xf32>) -> tensor<1x2x1x2xf32>
    %11 = "nn.reshape"(%10) <{shape = #fx.array<"i8", [2], [1, 4]>, origin = "flat"}> : (tensor<1x2x1x2xf32>) -> tensor<1x4xf32>
    %12 = "fx.constant"() <{value = #fx.array<"f32", [4, 1], [1.0, 2.0, 3.0, 4.0]>}> : () -> tensor<4x1xf32>
    %13 = "nn.matmul"(%11, %12) <{origin = "fc"}> : (tensor<1x4xf32>, tensor<4x1xf32>) -> tensor<1x1xf32>
    "func.return"(%13) : (tensor<1x1xf32>) -> ()
  }) {input_names = ["x"], batched = true, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "nn.concat"(%0, %0)
// CHECK-NEXT: "nn.relu"(%1)
// CHECK-NEXT: "nn.transpose"(%2) <{permutation = #fx.array<"i8", [4], [0, 2, 3, 1]>, origin = "pool"}>
// CHECK-NEXT: "nn.window"(%3) <{kernel = #fx.array<"i8", [2], [3, 1]>{{.*}} padding = #fx.array<"i8", [4], [0, 0, 1, 0]>, fill = "zero", origin = "pool"}>
// CHECK-NEXT: "nn.reduce"(%4)
// CHECK-NEXT: "nn.reshape"(%5) <{shape = #fx.array<"i8", [2], [1, 4]>, origin = "flat"}>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"f32", [4, 1], [1.0, 3.0, 2.0, 4.0]>, origin = "fc"}>
// CHECK-NEXT: "nn.matmul"(%6, %7)
// CHECK-NEXT: "func.return"(%8)
