// RUN-PASSES: share-products

// Both branches are 3 * (x0 + x1), in units of 1/2 and 1: one network, whose result is cut and relabelled.
// The layer with an input of its own stays.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2x!fx.fixed<4, 4, signed>>) -> (tensor<1x1x!fx.fixed<7, 6, signed>>, tensor<1x1x!fx.fixed<9, 9, signed>>)}> ({
  ^bb0(%0: tensor<1x2x!fx.fixed<4, 4, signed>>):
    %1 = "fx.constant"() <{value = #fx.array<"i8", [2, 1], [3, 3]>}> : () -> tensor<2x1x!fx.fixed<3, 2, signed>>
    %2 = "nn.dense"(%0, %1) <{strategy = "adder_graph", origin = "left"}> : (tensor<1x2x!fx.fixed<4, 4, signed>>, tensor<2x1x!fx.fixed<3, 2, signed>>) -> tensor<1x1x!fx.fixed<7, 6, signed>>
    %3 = "fx.constant"() <{value = #fx.array<"i8", [2, 1], [3, 3]>}> : () -> tensor<2x1x!fx.fixed<3, 3, signed>>
    %4 = "nn.dense"(%0, %3) <{strategy = "adder_graph", origin = "right"}> : (tensor<1x2x!fx.fixed<4, 4, signed>>, tensor<2x1x!fx.fixed<3, 3, signed>>) -> tensor<1x1x!fx.fixed<7, 7, signed>>
    %5 = "fx.constant"() <{value = #fx.array<"i8", [1, 1], [5]>}> : () -> tensor<1x1x!fx.fixed<3, 3, unsigned>>
    %6 = "nn.dense"(%4, %5) <{strategy = "adder_graph", origin = "last"}> : (tensor<1x1x!fx.fixed<7, 7, signed>>, tensor<1x1x!fx.fixed<3, 3, unsigned>>) -> tensor<1x1x!fx.fixed<9, 9, signed>>
    "func.return"(%2, %6) : (tensor<1x1x!fx.fixed<7, 6, signed>>, tensor<1x1x!fx.fixed<9, 9, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0", "y1"]} : () -> ()
}) : () -> ()

// CHECK: "da.kernel"(%0) <{fraction = 1 : i64, lhs = #fx.array<"i8", [2], [0, 2]>, rhs = #fx.array<"i8", [2], [1, 2]>, lhs_shift = #fx.array<"i8", [2], [0, 2]>, rhs_shift = #fx.array<"i8", [2], [0, 0]>, subtract = #fx.array<"i8", [2], [0, 1]>, out_node = #fx.array<"i8", [2], [3, 3]>, out_shift = #fx.array<"i8", [2], [0, 1]>, out_negate = #fx.array<"i8", [2], [0, 0]>, origin = "left+right"}>{{.*}} -> tensor<1x2x!fx.fixed<8, 7, signed>>
// CHECK-NEXT: "nn.slice"(%1) <{starts = #fx.array<"i8", [2], [0, 0]>, sizes = #fx.array<"i8", [2], [1, 1]>, steps = #fx.array<"i8", [2], [1, 1]>, origin = "left"}>
// CHECK-NEXT: "fx.cast"(%2) <{rounding = "TRN", overflow = "WRAP", origin = "left"}>{{.*}} -> tensor<1x1x!fx.fixed<7, 6, signed>>
// CHECK-NEXT: "nn.slice"(%1) <{starts = #fx.array<"i8", [2], [0, 1]>, sizes = #fx.array<"i8", [2], [1, 1]>, steps = #fx.array<"i8", [2], [1, 1]>, origin = "right"}>
// CHECK-NEXT: "fx.cast"(%4) <{rounding = "TRN", overflow = "WRAP", origin = "right"}>{{.*}} -> tensor<1x1x!fx.fixed<7, 7, signed>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [1, 1], [5]>}>
// CHECK-NEXT: "nn.dense"(%5, %6) <{strategy = "adder_graph", origin = "last"}>
