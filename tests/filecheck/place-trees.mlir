// RUN-PASSES: set-reuse-factors{reuse-factor="4"},place-trees{clock-period-ns=1.2}

// Eight trees, four of an engine. A complete tree of two levels has three comparisons, so an engine has room for
// sixteen of them and for sixteen leaves: pages of sixteen words, of which there are two for each engine and one for the
// base. At 1.2 ns a feature and its comparison take a cycle each.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<2xf32>) -> tensor<1x!fx.fixed<8, 8, signed>>}> ({
  ^bb0(%0: tensor<2xf32>):
    %1 = "fx.quantize"(%0) <{rounding = "RND_CONV", overflow = "SAT", round_first = false, scale = #fx.array<"f64", [], [1.0]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "x_quantizer"}> : (tensor<2xf32>) -> tensor<2x!fx.fixed<4, 4, signed>>
    %2 = "tree.ensemble"(%1) <{fraction = 0 : i64, memory = {trees = 8 : i64, depth = 2 : i64, one_class = 0 : i64}, feature = #fx.array<"i8", [3], [0, 0, 1]>, threshold = #fx.array<"i8", [3], [3, 1, 2]>, left = #fx.array<"i8", [3], [1, -1, -1]>, right = #fx.array<"i8", [3], [-2, -2, -3]>, missing_left = #fx.array<"i8", [3], [0, 0, 0]>, roots = #fx.array<"i8", [2], [0, 2]>, leaves = #fx.array<"i8", [3, 1], [0, 3, 4]>, base = #fx.array<"i8", [1], [1]>, origin = "trees"}> : (tensor<2x!fx.fixed<4, 4, signed>>) -> tensor<1x!fx.fixed<8, 8, signed>>
    "func.return"(%2) : (tensor<1x!fx.fixed<8, 8, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "conformance", output_names = ["y"]} : () -> ()
}) : () -> ()

// CHECK: "tree.ensemble"(%1)
// CHECK-SAME: reuse_factor = 4 : i64, nodes = 3 : i64, select_register = 1 : i64, first_page = 0 : i64, place_bits = 4 : i64, page_bits = 3 : i64, data_bits = 15 : i64}
