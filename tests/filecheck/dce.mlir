// RUN-PASSES: dce

// What nothing uses goes.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<2x!fx.fixed<8, 4, signed>>) -> tensor<2x!fx.fixed<7, 3, unsigned>>}> ({
  ^bb0(%0: tensor<2x!fx.fixed<8, 4, signed>>):
    %1 = "fx.constant"() <{value = #fx.array<"i8", [1], [1]>}> : () -> tensor<1x!fx.fixed<1, 1, unsigned>>
    %2 = "nn.add"(%0, %1) <{origin = "unused1"}> : (tensor<2x!fx.fixed<8, 4, signed>>, tensor<1x!fx.fixed<1, 1, unsigned>>) -> tensor<2x!fx.fixed<9, 5, signed>>
    %3 = "nn.relu"(%2) <{origin = "unused2"}> : (tensor<2x!fx.fixed<9, 5, signed>>) -> tensor<2x!fx.fixed<8, 4, unsigned>>
    %4 = "nn.relu"(%0) <{origin = "used"}> : (tensor<2x!fx.fixed<8, 4, signed>>) -> tensor<2x!fx.fixed<7, 3, unsigned>>
    "func.return"(%4) : (tensor<2x!fx.fixed<7, 3, unsigned>>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "nn.relu"(%0) <{origin = "used"}>{{.*}} -> tensor<2x!fx.fixed<7, 3, unsigned>>
// CHECK-NEXT: "func.return"(%1)
