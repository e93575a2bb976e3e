// RUN-PASSES: build-adder-graphs,spend-multipliers{budget=3 strategy="auto; chosen=adder_graph"}

// Three of the products take multipliers and become inputs of the network; a strategy that was chosen stays.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2xf32>) -> (tensor<1x2x!fx.fixed<25, 12, signed>>, tensor<1x1x!fx.fixed<24, 11, signed>>)}> ({
  ^bb0(%0: tensor<1x2xf32>):
    %1 = "fx.quantize"(%0) <{rounding = "RND_CONV", overflow = "SAT", round_first = false, scale = #fx.array<"f64", [], [0.015625]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-2048.0]>, high = #fx.array<"f64", [], [2047.0]>, origin = "x_quantizer"}> : (tensor<1x2xf32>) -> tensor<1x2x!fx.fixed<12, 6, signed>>
    %2 = "fx.constant"() <{value = #fx.array<"i16", [2, 2], [2731, -2732, 1453, 3]>}> : () -> tensor<2x2x!fx.fixed<13, 6, signed>>
    %3 = "nn.dense"(%1, %2) <{strategy = "adder_graph", origin = "wide"}> : (tensor<1x2x!fx.fixed<12, 6, signed>>, tensor<2x2x!fx.fixed<13, 6, signed>>) -> tensor<1x2x!fx.fixed<25, 12, signed>>
    %4 = "fx.constant"() <{value = #fx.array<"i16", [2, 1], [2731, 5]>}> : () -> tensor<2x1x!fx.fixed<13, 6, signed>>
    %5 = "nn.dense"(%1, %4) <{strategy = "adder_graph", origin = "chosen"}> : (tensor<1x2x!fx.fixed<12, 6, signed>>, tensor<2x1x!fx.fixed<13, 6, signed>>) -> tensor<1x1x!fx.fixed<24, 11, signed>>
    "func.return"(%3, %5) : (tensor<1x2x!fx.fixed<25, 12, signed>>, tensor<1x1x!fx.fixed<24, 11, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "layers", output_names = ["y", "z"]} : () -> ()
}) : () -> ()

// CHECK: "nn.gather"(%1) <{indices = #fx.array<"i8", [3], [0, 0, 1]>, axis = 1 : i64, origin = "wide"}>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i16", [3], [2731, 683, 1453]>, origin = "wide"}>{{.*}} -> tensor<3x!fx.fixed<12, 12, unsigned>>
// CHECK-NEXT: "nn.mul"(%2, %3) <{origin = "wide"}> {feeds_product}
// CHECK-NEXT: "nn.concat"(%1, %4) <{axis = 1 : i64, origin = "wide"}> {feeds_product}{{.*}} -> tensor<1x5x!fx.fixed<24, 18, signed>>
// CHECK-NEXT: "da.kernel"(%5) <{{.*}}origin = "wide"}>{{.*}} -> tensor<1x2x!fx.fixed<25, 12, signed>>
// CHECK-NEXT: "da.kernel"(%1) <{{.*}}origin = "chosen"}>
// CHECK: notes = {{\[\[}}"wide", "3 products of inputs and constants in 3 multipliers"]]
