// RUN-PASSES: magnitude-prune{sparsity=0.5 scope="model"}

// One threshold for both layers. Mantissas are compared by the numbers that they stand for.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2x!fx.fixed<4, 4, signed>>) -> tensor<1x2x!fx.fixed<14, 10, signed>>}> ({
  ^bb0(%0: tensor<1x2x!fx.fixed<4, 4, signed>>):
    %1 = "fx.constant"() <{value = #fx.array<"i8", [2, 2], [1, -2, 3, -4]>, origin = "fc1"}> : () -> tensor<2x2x!fx.fixed<4, 4, signed>>
    %2 = "nn.matmul"(%0, %1) <{origin = "fc1"}> : (tensor<1x2x!fx.fixed<4, 4, signed>>, tensor<2x2x!fx.fixed<4, 4, signed>>) -> tensor<1x2x!fx.fixed<7, 7, signed>>
    %3 = "fx.constant"() <{value = #fx.array<"i8", [2, 2], [7, -6, 5, -8]>, origin = "fc2"}> : () -> tensor<2x2x!fx.fixed<4, 0, signed>>
    %4 = "nn.matmul"(%2, %3) <{origin = "fc2"}> : (tensor<1x2x!fx.fixed<7, 7, signed>>, tensor<2x2x!fx.fixed<4, 0, signed>>) -> tensor<1x2x!fx.fixed<14, 10, signed>>
    "func.return"(%4) : (tensor<1x2x!fx.fixed<14, 10, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.constant"() <{value = #fx.array<"i8", [2, 2], [1, -2, 3, -4]>, origin = "fc1"}>
// CHECK: "fx.constant"() <{value = #fx.array<"i8", [2, 2], [0, 0, 0, 0]>, origin = "fc2"}>
