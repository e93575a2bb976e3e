// RUN-PASSES: fuse-tree-inputs

// (x - 1) / 2 < 0.5 in float32 is x < 2, (x - 2) / 4 < -0.25 is x < 1, but for what float32 rounds up to these: the
// cuts lie within half a step of float32 below.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2xf32>) -> tensor<1x1xf32>}> ({
  ^bb0(%0: tensor<1x2xf32>):
    %1 = "fx.constant"() <{value = #fx.array<"f32", [2], [1.0, 2.0]>}> : () -> tensor<2xf32>
    %2 = "nn.sub"(%0, %1) <{origin = "centre"}> : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
    %3 = "fx.constant"() <{value = #fx.array<"f32", [1, 2], [2.0, 4.0]>}> : () -> tensor<1x2xf32>
    %4 = "nn.div"(%2, %3) <{origin = "scale"}> : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
    %5 = "tree.ensemble"(%4) <{feature = #fx.array<"i8", [2], [0, 1]>, threshold = #fx.array<"f64", [2], [0.5, -0.25]>, left = #fx.array<"i8", [2], [1, -1]>, right = #fx.array<"i8", [2], [-3, -2]>, missing_left = #fx.array<"i8", [2], [0, 0]>, roots = #fx.array<"i8", [1], [0]>, leaves = #fx.array<"f64", [3, 1], [1.5, 2.5, -1.0]>, base = #fx.array<"f64", [1], [0.0]>, origin = "trees"}> : (tensor<1x2xf32>) -> tensor<1x1xf32>
    "func.return"(%5) : (tensor<1x1xf32>) -> ()
  }) {input_names = ["x"], batched = true, model = "model", output_names = ["y"]} : () -> ()
}) : () -> ()

// CHECK: ^bb0(%0: tensor<1x2xf32>):
// CHECK-NEXT: %1 = "tree.ensemble"(%0) <{feature = #fx.array<"i8", [2], [0, 1]>, threshold = #fx.array<"f64", [2], [1.9999999{{[0-9]*}}, 0.9999999{{[0-9]*}}]>
// CHECK-NEXT: "func.return"(%1)
