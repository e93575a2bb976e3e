// RUN-PASSES: balance-layers{form=stream}

// What is left open becomes a strategy; few weights become adders. What was chosen stays.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x8x4xf32>) -> tensor<1x8x4x!fx.fixed<12, 10, signed>>}> ({
  ^bb0(%0: tensor<1x8x4xf32>):
    %1 = "fx.quantize"(%0) <{rounding = "RND_CONV", overflow = "SAT", round_first = false, scale = #fx.array<"f64", [], [0.25]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "x_quantizer"}> : (tensor<1x8x4xf32>) -> tensor<1x8x4x!fx.fixed<4, 2, signed>>
    %2 = "fx.constant"() <{value = #fx.array<"i8", [4, 4], [-2, -1, 0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1, 0, 1]>}> : () -> tensor<4x4x!fx.fixed<3, 3, signed>>
    %3 = "nn.dense"(%1, %2) <{strategy = "auto", origin = "wide"}> : (tensor<1x8x4x!fx.fixed<4, 2, signed>>, tensor<4x4x!fx.fixed<3, 3, signed>>) -> tensor<1x8x4x!fx.fixed<8, 6, signed>>
    %4 = "fx.constant"() <{value = #fx.array<"i8", [4, 4], [-2, -1, 0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1, 0, 1]>}> : () -> tensor<4x4x!fx.fixed<3, 3, signed>>
    %5 = "nn.dense"(%3, %4) <{strategy = "latency", origin = "fixed"}> : (tensor<1x8x4x!fx.fixed<8, 6, signed>>, tensor<4x4x!fx.fixed<3, 3, signed>>) -> tensor<1x8x4x!fx.fixed<12, 10, signed>>
    "func.return"(%5) : (tensor<1x8x4x!fx.fixed<12, 10, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "layers", output_names = ["y"]} : () -> ()
}) : () -> ()

// CHECK: "nn.dense"{{.*}}strategy = "adder_graph", origin = "wide"
// CHECK: "nn.dense"{{.*}}strategy = "latency", origin = "fixed"
