// RUN-PASSES: lower-dense{strategy="mix=latency"}

// x @ W with its bias, and W @ x as a product of transposes; a strategy for each.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<2x2x!fx.fixed<4, 4, signed>>) -> tensor<2x2x!fx.fixed<11, 9, signed>>}> ({
  ^bb0(%0: tensor<2x2x!fx.fixed<4, 4, signed>>):
    %1 = "fx.constant"() <{value = #fx.array<"i8", [2, 2], [1, 2, 3, 4]>}> : () -> tensor<2x2x!fx.fixed<3, 2, unsigned>>
    %2 = "nn.matmul"(%0, %1) <{origin = "fc1"}> : (tensor<2x2x!fx.fixed<4, 4, signed>>, tensor<2x2x!fx.fixed<3, 2, unsigned>>) -> tensor<2x2x!fx.fixed<7, 6, signed>>
    %3 = "fx.constant"() <{value = #fx.array<"i8", [2], [1, -1]>}> : () -> tensor<2x!fx.fixed<2, 2, signed>>
    %4 = "nn.add"(%2, %3) <{origin = "fc1_bias"}> : (tensor<2x2x!fx.fixed<7, 6, signed>>, tensor<2x!fx.fixed<2, 2, signed>>) -> tensor<2x2x!fx.fixed<8, 7, signed>>
    %5 = "nn.matmul"(%1, %4) <{origin = "mix"}> : (tensor<2x2x!fx.fixed<3, 2, unsigned>>, tensor<2x2x!fx.fixed<8, 7, signed>>) -> tensor<2x2x!fx.fixed<11, 9, signed>>
    "func.return"(%5) : (tensor<2x2x!fx.fixed<11, 9, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.constant"() <{value = #fx.array<"i8", [2, 2], [1, 2, 3, 4]>}>{{.*}} -> tensor<2x2x!fx.fixed<3, 2, unsigned>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [2], [2, -2]>, origin = "fc1_bias"}>{{.*}} -> tensor<2x!fx.fixed<3, 2, signed>>
// CHECK-NEXT: "nn.dense"(%0, %1, %2) <{strategy = "adder_graph", origin = "fc1"}>{{.*}} -> tensor<2x2x!fx.fixed<8, 7, signed>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [2, 2], [1, 3, 2, 4]>, origin = "mix"}>{{.*}} -> tensor<2x2x!fx.fixed<3, 2, unsigned>>
// CHECK-NEXT: "nn.transpose"(%3) <{permutation = #fx.array<"i8", [2], [1, 0]>, origin = "mix"}>{{.*}} -> tensor<2x2x!fx.fixed<8, 7, signed>>
// CHECK-NEXT: "nn.dense"(%5, %4) <{strategy = "latency", origin = "mix"}>{{.*}} -> tensor<2x2x!fx.fixed<11, 9, signed>>
// CHECK-NEXT: "nn.transpose"(%6) <{permutation = #fx.array<"i8", [2], [1, 0]>, origin = "mix"}>{{.*}} -> tensor<2x2x!fx.fixed<11, 9, signed>>
// CHECK-NEXT: "func.return"(%7)
