// RUN-PASSES: magnitude-prune{sparsity=0.5}

// Half of each layer: of a matrix, and of one behind a transposition.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2xf32>) -> tensor<1x2xf32>}> ({
  ^bb0(%0: tensor<1x2xf32>):
    %1 = "fx.constant"() <{value = #fx.array<"f32", [2, 2], [1.0, -2.0, 3.0, -4.0]>, origin = "fc1"}> : () -> tensor<2x2xf32>
    %2 = "nn.matmul"(%0, %1) <{origin = "fc1"}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
    %3 = "fx.constant"() <{value = #fx.array<"f32", [2, 2], [0.5, 0.25, 8.0, 0.125]>, origin = "fc2"}> : () -> tensor<2x2xf32>
    %4 = "nn.transpose"(%3) <{permutation = #fx.array<"i8", [2], [1, 0]>, origin = "fc2"}> : (tensor<2x2xf32>) -> tensor<2x2xf32>
    %5 = "nn.matmul"(%2, %4) <{origin = "fc2"}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
    "func.return"(%5) : (tensor<1x2xf32>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.constant"() <{value = #fx.array<"f32", [2, 2], [0.0, 0.0, 3.0, -4.0]>, origin = "fc1"}>
// CHECK-NEXT: "nn.matmul"(%0, %1) <{origin = "fc1"}>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"f32", [2, 2], [0.5, 0.0, 8.0, 0.0]>, origin = "fc2"}>
// CHECK-NEXT: "nn.transpose"(%3)
// CHECK-NEXT: "nn.matmul"(%2, %4) <{origin = "fc2"}>
// CHECK: notes = {{.*}}["fc1", "pruned: 2 of 4 weights are zero"]{{.*}}["fc2", "pruned: 2 of 4 weights are zero"]
