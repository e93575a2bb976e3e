// RUN-PASSES: neurons-to-tables{tables="always; fc3=off" largest=4}

// fc1: two columns of four input bits become tables, with their thresholds; the one of six bits stays, and
// the columns are put in order again. fc2 has multipliers, fc3 is left out.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x3x!fx.fixed<2, 2, unsigned>>) -> tensor<1x1x!fx.fixed<9, 9, signed>>}> ({
  ^bb0(%0: tensor<1x3x!fx.fixed<2, 2, unsigned>>):
    %1 = "fx.constant"() <{value = #fx.array<"i8", [3, 3], [1, 1, 3, 2, -1, 0, 0, 1, -1]>}> : () -> tensor<3x3x!fx.fixed<3, 3, signed>>
    %2 = "nn.dense"(%0, %1) <{strategy = "adder_graph", origin = "fc1"}> : (tensor<1x3x!fx.fixed<2, 2, unsigned>>, tensor<3x3x!fx.fixed<3, 3, signed>>) -> tensor<1x3x!fx.fixed<5, 5, signed>>
    %3 = "fx.threshold"(%2) <{thresholds = #fx.array<"i8", [3, 1], [5, 1, 4]>, base = #fx.array<"i8", [], [0]>, sign = #fx.array<"i8", [], [1]>, origin = "act"}> : (tensor<1x3x!fx.fixed<5, 5, signed>>) -> tensor<1x3x!fx.fixed<1, 1, unsigned>>
    %4 = "fx.constant"() <{value = #fx.array<"i8", [3, 2], [1, 2, 3, 4, 5, 6]>}> : () -> tensor<3x2x!fx.fixed<4, 4, signed>>
    %5 = "nn.dense"(%3, %4) <{strategy = "latency", origin = "fc2"}> : (tensor<1x3x!fx.fixed<1, 1, unsigned>>, tensor<3x2x!fx.fixed<4, 4, signed>>) -> tensor<1x2x!fx.fixed<4, 4, unsigned>>
    %6 = "fx.constant"() <{value = #fx.array<"i8", [2, 1], [1, -2]>}> : () -> tensor<2x1x!fx.fixed<3, 3, signed>>
    %7 = "nn.dense"(%5, %6) <{strategy = "adder_graph", origin = "fc3"}> : (tensor<1x2x!fx.fixed<4, 4, unsigned>>, tensor<2x1x!fx.fixed<3, 3, signed>>) -> tensor<1x1x!fx.fixed<9, 9, signed>>
    "func.return"(%7) : (tensor<1x1x!fx.fixed<9, 9, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "da.lut_network"(%0) <{address = #fx.array<"i8", [2, 4], [0, 1, 2, 3, 0, 1, 4, 5]>, truth = #fx.array<"i32", [2], [65152, 36044]>, output = #fx.array<"i8", [2, 1], [6, 7]>, input_bits = 2 : i64, signed = false, fraction = 0 : i64, origin = "act"}>{{.*}} -> tensor<1x2x!fx.fixed<1, 1, unsigned>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [3, 1], [1, -1, 1]>{{.*}} -> tensor<3x1x!fx.fixed<3, 3, signed>>
// CHECK-NEXT: "nn.dense"(%0, %2) <{strategy = "adder_graph", origin = "act"}>{{.*}} -> tensor<1x1x!fx.fixed<5, 5, signed>>
// CHECK-NEXT: "fx.threshold"(%3) <{thresholds = #fx.array<"i8", [1, 1], [1]>{{.*}} -> tensor<1x1x!fx.fixed<1, 1, unsigned>>
// CHECK-NEXT: "nn.concat"(%1, %4) <{axis = 1 : i64, origin = "act"}>{{.*}} -> tensor<1x3x!fx.fixed<1, 1, unsigned>>
// CHECK-NEXT: "nn.gather"(%5) <{indices = #fx.array<"i8", [3], [0, 2, 1]>, axis = 1 : i64, origin = "act"}>{{.*}} -> tensor<1x3x!fx.fixed<1, 1, unsigned>>
// CHECK: "nn.dense"(%6, %7) <{strategy = "latency", origin = "fc2"}>
// CHECK: "nn.dense"(%8, %9) <{strategy = "adder_graph", origin = "fc3"}>
