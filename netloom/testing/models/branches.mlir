"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<2x3xf32>, tensor<3xf32>) -> (tensor<f32>, tensor<3x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>)}> ({
  ^bb0(%0: tensor<2x3xf32>, %1: tensor<3xf32>):
    %2 = "nn.quant"(%0) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.25]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-32.0]>, high = #fx.array<"f64", [], [31.0]>, origin = "q_left"}> : (tensor<2x3xf32>) -> tensor<2x3xf32>
    %3 = "nn.quant"(%1) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.5]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [0.0]>, high = #fx.array<"f64", [], [15.0]>, origin = "q_right"}> : (tensor<3xf32>) -> tensor<3xf32>
    %4 = "nn.add"(%2, %3) <{origin = "sum"}> : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
    %5 = "nn.sub"(%2, %3) <{origin = "difference"}> : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
    %6 = "nn.max"(%4, %5) <{origin = "larger"}> : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
    %7 = "nn.concat"(%4, %6) <{axis = 0 : i64, origin = "both"}> : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
    %8 = "nn.gather"(%7) <{indices = #fx.array<"i8", [3], [3, 0, 0]>, axis = 0 : i64, origin = "pick"}> : (tensor<4x3xf32>) -> tensor<3x3xf32>
    %9 = "nn.transpose"(%8) <{permutation = #fx.array<"i8", [2], [1, 0]>, origin = "turned"}> : (tensor<3x3xf32>) -> tensor<3x3xf32>
    %10 = "nn.reduce"(%9) <{kind = "sum", axes = #fx.array<"i8", [2], [0, 1]>, keep_axes = false, origin = "total"}> : (tensor<3x3xf32>) -> tensor<f32>
    %11 = "nn.hardmax"(%9) <{axis = 1 : i64, origin = "winner"}> : (tensor<3x3xf32>) -> tensor<3x3xf32>
    %12 = "nn.mul"(%5, %5) <{origin = "square"}> : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
    "func.return"(%10, %11, %2, %12) : (tensor<f32>, tensor<3x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> ()
  }) {input_names = ["left", "right"], batched = false, model = "branches", output_names = ["total", "winner", "left again", "product"]} : () -> ()
}) : () -> ()
