// RUN-PASSES: build-adder-graphs

// 3 and 5 share their adders; the layer with multipliers stays.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2x!fx.fixed<4, 4, signed>>) -> tensor<1x1x!fx.fixed<10, 9, signed>>}> ({
  ^bb0(%0: tensor<1x2x!fx.fixed<4, 4, signed>>):
    %1 = "fx.constant"() <{value = #fx.array<"i8", [2, 2], [3, 5, 3, -5]>}> : () -> tensor<2x2x!fx.fixed<4, 3, signed>>
    %2 = "fx.constant"() <{value = #fx.array<"i8", [2], [1, 2]>}> : () -> tensor<2x!fx.fixed<2, 1, unsigned>>
    %3 = "nn.dense"(%0, %1, %2) <{strategy = "adder_graph", origin = "fc1"}> : (tensor<1x2x!fx.fixed<4, 4, signed>>, tensor<2x2x!fx.fixed<4, 3, signed>>, tensor<2x!fx.fixed<2, 1, unsigned>>) -> tensor<1x2x!fx.fixed<8, 7, signed>>
    %4 = "fx.constant"() <{value = #fx.array<"i8", [2, 1], [1, 2]>}> : () -> tensor<2x1x!fx.fixed<2, 2, unsigned>>
    %5 = "nn.dense"(%3, %4) <{strategy = "latency", origin = "fc2"}> : (tensor<1x2x!fx.fixed<8, 7, signed>>, tensor<2x1x!fx.fixed<2, 2, unsigned>>) -> tensor<1x1x!fx.fixed<10, 9, signed>>
    "func.return"(%5) : (tensor<1x1x!fx.fixed<10, 9, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "da.kernel"(%0) <{bias = #fx.array<"i8", [2], [1, 2]>, fraction = 1 : i64, lhs = #fx.array<"i8", [4], [0, 1, 3, 2]>, rhs = #fx.array<"i8", [4], [1, 0, 2, 2]>, lhs_shift = #fx.array<"i8", [4], [0, 1, 1, 2]>, rhs_shift = #fx.array<"i8", [4], [0, 0, 0, 0]>, subtract = #fx.array<"i8", [4], [1, 0, 0, 0]>, out_node = #fx.array<"i8", [2], [4, 5]>, out_shift = #fx.array<"i8", [2], [0, 0]>, out_negate = #fx.array<"i8", [2], [0, 0]>, origin = "fc1"}>{{.*}} -> tensor<1x2x!fx.fixed<8, 7, signed>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [2, 1], [1, 2]>}>{{.*}} -> tensor<2x1x!fx.fixed<2, 2, unsigned>>
// CHECK-NEXT: "nn.dense"(%1, %2) <{strategy = "latency", origin = "fc2"}>{{.*}} -> tensor<1x1x!fx.fixed<10, 9, signed>>
// CHECK-NEXT: "func.return"(%3)
