// RUN-PASSES: parallel-pixels{pixels="2"}

// Two pixels of a row are one of twice the channels; its windows of three hold two windows of three pixels.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2x4x1xf32>) -> tensor<1x2x4x1x!fx.fixed<3, 3, unsigned>>}> ({
  ^bb0(%0: tensor<1x2x4x1xf32>):
    %1 = "fx.quantize"(%0) <{rounding = "RND_CONV", overflow = "SAT", round_first = false, scale = #fx.array<"f64", [], [1.0]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "x_quantizer"}> : (tensor<1x2x4x1xf32>) -> tensor<1x2x4x1x!fx.fixed<4, 4, signed>>
    %2 = "nn.window"(%1) <{kernel = #fx.array<"i8", [2], [1, 3]>, strides = #fx.array<"i8", [2], [1, 1]>, dilations = #fx.array<"i8", [2], [1, 1]>, padding = #fx.array<"i8", [4], [0, 1, 0, 1]>, fill = "lowest", origin = "pool"}> : (tensor<1x2x4x1x!fx.fixed<4, 4, signed>>) -> tensor<1x2x4x1x3x1x!fx.fixed<4, 4, signed>>
    %3 = "nn.reduce"(%2) <{kind = "max", axes = #fx.array<"i8", [2], [3, 4]>, keep_axes = false, origin = "pool"}> : (tensor<1x2x4x1x3x1x!fx.fixed<4, 4, signed>>) -> tensor<1x2x4x1x!fx.fixed<4, 4, signed>>
    %4 = "nn.relu"(%3) <{origin = "act"}> : (tensor<1x2x4x1x!fx.fixed<4, 4, signed>>) -> tensor<1x2x4x1x!fx.fixed<3, 3, unsigned>>
    "func.return"(%4) : (tensor<1x2x4x1x!fx.fixed<3, 3, unsigned>>) -> ()
  }) {input_names = ["x"], batched = false, model = "conformance", output_names = ["y"]} : () -> ()
}) : () -> ()

// CHECK: "nn.reshape"(%1) <{shape = {{.*}}[1, 2, 2, 2, 1]>, origin = "pool"}> {beat_axes = 3 : i64}
// CHECK-NEXT: "nn.reshape"(%2) <{shape = {{.*}}[1, 2, 2, 2]>, origin = "pool"}>
// CHECK-NEXT: "nn.window"(%3) <{kernel = {{.*}}[1, 3]>, strides = {{.*}}[1, 1]>, {{.*}} padding = {{.*}}[0, 1, 0, 1]>
// CHECK-NEXT: "nn.reshape"(%4) <{shape = {{.*}}[1, 2, 2, 1, 6, 1]>
// CHECK-NEXT: "nn.gather"(%5) <{indices = {{.*}}[1, 2, 3, 2, 3, 4]>, axis = 4 : i64
// CHECK-NEXT: "nn.transpose"(%6)
// CHECK-NEXT: "nn.reduce"(%7) <{kind = "max", axes = {{.*}}[4, 5]>
// CHECK-NEXT: "nn.relu"(%8) <{origin = "act"}> : {{.*}} -> tensor<1x2x2x2x1x!fx.fixed<3, 3, unsigned>>
// CHECK-NEXT: "nn.reshape"(%9) <{shape = {{.*}}[1, 2, 4, 1]>
// CHECK-NEXT: "func.return"(%10)
