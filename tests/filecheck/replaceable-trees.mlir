// RUN-PASSES: replaceable-trees{strategy="auto; tr*=memory" capacity="trees=8"},narrow

// These trees give 1 to 8, in five bits; others may give more, so the type keeps its eight bits. They are two, of two
// comparisons on a way; there is room for eight.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<2xf32>) -> tensor<1x!fx.fixed<8, 8, signed>>}> ({
  ^bb0(%0: tensor<2xf32>):
    %1 = "fx.quantize"(%0) <{rounding = "RND_CONV", overflow = "SAT", round_first = false, scale = #fx.array<"f64", [], [1.0]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "x_quantizer"}> : (tensor<2xf32>) -> tensor<2x!fx.fixed<4, 4, signed>>
    %2 = "tree.ensemble"(%1) <{fraction = 0 : i64, feature = #fx.array<"i8", [3], [0, 0, 1]>, threshold = #fx.array<"i8", [3], [3, 1, 2]>, left = #fx.array<"i8", [3], [1, -1, -1]>, right = #fx.array<"i8", [3], [-2, -2, -3]>, missing_left = #fx.array<"i8", [3], [0, 0, 0]>, roots = #fx.array<"i8", [2], [0, 2]>, leaves = #fx.array<"i8", [3, 1], [0, 3, 4]>, base = #fx.array<"i8", [1], [1]>, origin = "trees"}> : (tensor<2x!fx.fixed<4, 4, signed>>) -> tensor<1x!fx.fixed<8, 8, signed>>
    "func.return"(%2) : (tensor<1x!fx.fixed<8, 8, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "conformance", output_names = ["y"]} : () -> ()
}) : () -> ()

// CHECK: "tree.ensemble"(%1)
// CHECK-SAME: memory = {trees = 8 : i64, depth = 2 : i64, one_class = 0 : i64}
// CHECK-SAME: -> tensor<1x!fx.fixed<8, 8, signed>>
