// RUN-PASSES: lower-functions

// The table holds tanh of -1, -0.75, ... 0.75 in 32nds.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2x!fx.fixed<3, 1, signed>>) -> tensor<1x2x!fx.fixed<6, 1, signed>>}> ({
  ^bb0(%0: tensor<1x2x!fx.fixed<3, 1, signed>>):
    %1 = "nn.function"(%0) <{function = "tanh", origin = "act"}> : (tensor<1x2x!fx.fixed<3, 1, signed>>) -> tensor<1x2x!fx.fixed<6, 1, signed>>
    "func.return"(%1) : (tensor<1x2x!fx.fixed<6, 1, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.lookup"(%0) <{table = #fx.array<"i8", [8], [-24, -20, -15, -8, 0, 8, 15, 20]>, low = -4 : i64, function = "tanh", origin = "act"}>{{.*}} -> tensor<1x2x!fx.fixed<6, 1, signed>>
// CHECK-NEXT: "func.return"(%1)
