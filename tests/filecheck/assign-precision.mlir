// RUN-PASSES: assign-precision{precision="fixed<10,4>; fc1: weight=fixed<6,2>" table-bits=6}

// Weights, bias and result take formats; the cast waits for the bias; the table states its error.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2x!fx.fixed<8, 3, signed>>) -> tensor<1x2xf32>}> ({
  ^bb0(%0: tensor<1x2x!fx.fixed<8, 3, signed>>):
    %1 = "fx.dequantize"(%0) <{scale = #fx.array<"f64", [], [1.0]>, offset = #fx.array<"f64", [], [0.0]>}> : (tensor<1x2x!fx.fixed<8, 3, signed>>) -> tensor<1x2xf32>
    %2 = "fx.constant"() <{value = #fx.array<"f32", [2, 2], [0.699999988079071, 0.10000000149011612, 0.20000000298023224, -0.8999999761581421]>}> : () -> tensor<2x2xf32>
    %3 = "nn.matmul"(%1, %2) <{origin = "fc1"}> : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
    %4 = "fx.constant"() <{value = #fx.array<"f32", [2], [0.30000001192092896, 0.10000000149011612]>}> : () -> tensor<2xf32>
    %5 = "nn.add"(%3, %4) <{origin = "fc1"}> : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
    %6 = "nn.function"(%5) <{function = "tanh", origin = "act"}> : (tensor<1x2xf32>) -> tensor<1x2xf32>
    "func.return"(%6) : (tensor<1x2xf32>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.constant"() <{value = #fx.array<"i8", [2, 2], [11, 2, 3, -14]>, origin = "fc1"}>{{.*}} -> tensor<2x2x!fx.fixed<5, 1, signed>>
// CHECK-NEXT: "nn.matmul"(%0, %1) <{origin = "fc1"}>{{.*}} -> tensor<1x2x!fx.fixed<12, 3, signed>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [2], [19, 6]>, origin = "fc1"}>{{.*}} -> tensor<2x!fx.fixed<5, -1, unsigned>>
// CHECK-NEXT: "nn.add"(%2, %3) <{origin = "fc1"}>{{.*}} -> tensor<1x2x!fx.fixed<13, 4, signed>>
// CHECK-NEXT: "fx.cast"(%4) <{rounding = "RND", overflow = "SAT", origin = "fc1"}>{{.*}} -> tensor<1x2x!fx.fixed<10, 4, signed>>
// CHECK-NEXT: "fx.cast"(%5) <{rounding = "RND", overflow = "SAT", origin = "act"}>{{.*}} -> tensor<1x2x!fx.fixed<6, 4, signed>>
// CHECK-NEXT: "nn.function"(%6) <{function = "tanh", origin = "act"}>{{.*}} -> tensor<1x2x!fx.fixed<8, 2, signed>>
// CHECK-NEXT: "fx.dequantize"(%7) <{scale = #fx.array<"f64", [], [1.0]>, offset = #fx.array<"f64", [], [0.0]>, origin = "act"}>{{.*}} -> tensor<1x2xf32>
// CHECK-NEXT: "func.return"(%8)
// CHECK: notes = {{\[\[}}"act", "tanh: table of 64 entries, error at most 0.126"{{\]\]}}
