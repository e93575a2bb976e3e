// RUN-PASSES: simplify-trees

// Behind x0 < 3 the comparison x0 < 5 is decided; x1 < 2 leads to equal leaves; x1 < 20 holds for every input of
// four bits, so that its tree is one leaf, which joins the base.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<2xf32>) -> tensor<1x!fx.fixed<4, 4, unsigned>>}> ({
  ^bb0(%0: tensor<2xf32>):
    %1 = "fx.quantize"(%0) <{rounding = "RND_CONV", overflow = "SAT", round_first = false, scale = #fx.array<"f64", [], [1.0]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "x_quantizer"}> : (tensor<2xf32>) -> tensor<2x!fx.fixed<4, 4, signed>>
    %2 = "tree.ensemble"(%1) <{fraction = 0 : i64, feature = #fx.array<"i8", [4], [0, 0, 1, 1]>, threshold = #fx.array<"i8", [4], [3, 5, 2, 20]>, left = #fx.array<"i8", [4], [1, -1, -3, -5]>, right = #fx.array<"i8", [4], [2, -2, -4, -1]>, missing_left = #fx.array<"i8", [4], [0, 0, 0, 0]>, roots = #fx.array<"i8", [2], [0, 3]>, leaves = #fx.array<"i8", [5, 1], [7, -2, 4, 4, 5]>, base = #fx.array<"i8", [1], [1]>, origin = "trees"}> : (tensor<2x!fx.fixed<4, 4, signed>>) -> tensor<1x!fx.fixed<4, 4, unsigned>>
    "func.return"(%2) : (tensor<1x!fx.fixed<4, 4, unsigned>>) -> ()
  }) {input_names = ["x"], batched = false, model = "conformance", output_names = ["y"]} : () -> ()
}) : () -> ()

// CHECK: "tree.ensemble"(%1) <{fraction = 0 : i64, feature = #fx.array<"i8", [1], [0]>, threshold = #fx.array<"i8", [1], [3]>, left = #fx.array<"i8", [1], [-1]>, right = #fx.array<"i8", [1], [-2]>
// CHECK-SAME: leaves = #fx.array<"i8", [2, 1], [7, 4]>, base = #fx.array<"i8", [1], [6]>, origin = "trees"}>
// CHECK-NEXT: "func.return"(%2)
