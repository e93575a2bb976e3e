// RUN-PASSES: infer-ranges

// Exact mantissa ranges, with the actual weights.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2x!fx.fixed<4, 4, signed>>) -> tensor<1x2x!fx.fixed<5, 5, unsigned>>}> ({
  ^bb0(%0: tensor<1x2x!fx.fixed<4, 4, signed>>):
    %1 = "fx.constant"() <{value = #fx.array<"i8", [2, 2], [1, -2, 3, 0]>}> : () -> tensor<2x2x!fx.fixed<3, 3, signed>>
    %2 = "nn.matmul"(%0, %1) <{origin = "fc"}> : (tensor<1x2x!fx.fixed<4, 4, signed>>, tensor<2x2x!fx.fixed<3, 3, signed>>) -> tensor<1x2x!fx.fixed<6, 6, signed>>
    %3 = "nn.relu"(%2) <{origin = "act"}> : (tensor<1x2x!fx.fixed<6, 6, signed>>) -> tensor<1x2x!fx.fixed<5, 5, unsigned>>
    "func.return"(%3) : (tensor<1x2x!fx.fixed<5, 5, unsigned>>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.constant"() <{value = #fx.array<"i8", [2, 2], [1, -2, 3, 0]>}>{{.*}} -> tensor<2x2x!fx.fixed<3, 3, signed>>
// CHECK-NEXT: "nn.matmul"(%0, %1) <{origin = "fc"}>{{.*}}range = #fx.array<"i8", [2], [-32, 28]>{{.*}} -> tensor<1x2x!fx.fixed<6, 6, signed>>
// CHECK-NEXT: "nn.relu"(%2) <{origin = "act"}>{{.*}}range = #fx.array<"i8", [2], [0, 28]>{{.*}} -> tensor<1x2x!fx.fixed<5, 5, unsigned>>
// CHECK-NEXT: "func.return"(%3)
