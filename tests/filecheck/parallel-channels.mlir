// RUN-PASSES: parallel-channels{channels="2"}

// A pool of two channels at a time, then a depthwise product with the weights of those two.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2x2x4xf32>) -> tensor<1x1x1x4x1x1x!fx.fixed<6, 6, signed>>}> ({
  ^bb0(%0: tensor<1x2x2x4xf32>):
    %1 = "fx.quantize"(%0) <{rounding = "RND_CONV", overflow = "SAT", round_first = false, scale = #fx.array<"f64", [], [1.0]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "x_quantizer"}> : (tensor<1x2x2x4xf32>) -> tensor<1x2x2x4x!fx.fixed<4, 4, signed>>
    %2 = "nn.window"(%1) <{kernel = #fx.array<"i8", [2], [2, 2]>, strides = #fx.array<"i8", [2], [2, 2]>, dilations = #fx.array<"i8", [2], [1, 1]>, padding = #fx.array<"i8", [4], [0, 0, 0, 0]>, fill = "lowest", origin = "pool"}> : (tensor<1x2x2x4x!fx.fixed<4, 4, signed>>) -> tensor<1x1x1x2x2x4x!fx.fixed<4, 4, signed>>
    %3 = "nn.reduce"(%2) <{kind = "max", axes = #fx.array<"i8", [2], [3, 4]>, keep_axes = false, origin = "pool"}> : (tensor<1x1x1x2x2x4x!fx.fixed<4, 4, signed>>) -> tensor<1x1x1x4x!fx.fixed<4, 4, signed>>
    %4 = "fx.constant"() <{value = #fx.array<"i8", [4, 1, 1], [1, 2, 3, 4]>}> : () -> tensor<4x1x1x!fx.fixed<4, 4, signed>>
    %5 = "nn.window"(%3) <{kernel = #fx.array<"i8", [2], [1, 1]>, strides = #fx.array<"i8", [2], [1, 1]>, dilations = #fx.array<"i8", [2], [1, 1]>, padding = #fx.array<"i8", [4], [0, 0, 0, 0]>, fill = "zero", origin = "dw"}> : (tensor<1x1x1x4x!fx.fixed<4, 4, signed>>) -> tensor<1x1x1x1x1x4x!fx.fixed<4, 4, signed>>
    %6 = "nn.reshape"(%5) <{shape = #fx.array<"i8", [6], [1, 1, 1, 1, 4, 1]>, origin = "dw"}> : (tensor<1x1x1x1x1x4x!fx.fixed<4, 4, signed>>) -> tensor<1x1x1x1x4x1x!fx.fixed<4, 4, signed>>
    %7 = "nn.transpose"(%6) <{permutation = #fx.array<"i8", [6], [0, 1, 2, 4, 3, 5]>, origin = "dw"}> : (tensor<1x1x1x1x4x1x!fx.fixed<4, 4, signed>>) -> tensor<1x1x1x4x1x1x!fx.fixed<4, 4, signed>>
    %8 = "nn.reshape"(%7) <{shape = #fx.array<"i8", [6], [1, 1, 1, 4, 1, 1]>, origin = "dw"}> : (tensor<1x1x1x4x1x1x!fx.fixed<4, 4, signed>>) -> tensor<1x1x1x4x1x1x!fx.fixed<4, 4, signed>>
    %9 = "nn.matmul"(%8, %4) <{origin = "dw"}> : (tensor<1x1x1x4x1x1x!fx.fixed<4, 4, signed>>, tensor<4x1x1x!fx.fixed<4, 4, signed>>) -> tensor<1x1x1x4x1x1x!fx.fixed<6, 6, signed>>
    "func.return"(%9) : (tensor<1x1x1x4x1x1x!fx.fixed<6, 6, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "conformance", output_names = ["y"]} : () -> ()
}) : () -> ()

// CHECK: "nn.reshape"(%1) <{shape = {{.*}}[1, 2, 2, 2, 2]>, origin = "pool"}> {beat_axes = 4 : i64}
// CHECK-NEXT: "nn.reshape"(%2) <{shape = {{.*}}[1, 2, 4, 2]>
// CHECK-NEXT: "nn.window"(%3) <{{{.*}} fill = "lowest", slices = 2 : i64, origin = "pool"}> : {{.*}} -> tensor<1x1x2x2x2x2x!fx.fixed<4, 4, signed>>
// CHECK: "nn.reduce"(%5) <{kind = "max", axes = {{.*}}[4, 5]>
// CHECK: "nn.window"(%7) <{{{.*}} slices = 2 : i64, origin = "dw"}>
// CHECK: "fx.constant"() <{value = {{.*}}[1, 2, 3, 4]>, origin = "dw"}> : () -> tensor<2x1x2x1x1x!fx.fixed<4, 4, signed>>
// CHECK-NEXT: "nn.mul"(%10, %11)
// CHECK-NEXT: "nn.reduce"(%12) <{kind = "sum", axes = {{.*}}[4, 6]>
