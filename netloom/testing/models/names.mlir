"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x4xf32>, tensor<1x4xf32>) -> (tensor<1x1xf32>, tensor<1xf32>, tensor<1x3xf32>, tensor<1x4xf32>)}> ({
  ^bb0(%0: tensor<1x4xf32>, %1: tensor<1x4xf32>):
    %2 = "nn.quant"(%0) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.25]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-32.0]>, high = #fx.array<"f64", [], [31.0]>, origin = "time"}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
    %3 = "nn.quant"(%1) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.5]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "size"}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
    %4 = "nn.add"(%2, %3) <{origin = "process"}> : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
    %5 = "nn.relu"(%4) <{origin = "Process"}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
    %6 = "nn.mul"(%5, %3) <{origin = "id"}> : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
    %7 = "fx.constant"() <{value = #fx.array<"f32", [4, 3], [0.25, 0.125, -0.5, 1.375, 0.5, -0.625, -0.375, 0.0, -0.75, 0.125, -0.25, 0.625]>}> : () -> tensor<4x3xf32>
    %8 = "nn.matmul"(%6, %7) <{origin = "key"}> : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32>
    %9 = "fx.constant"() <{value = #fx.array<"f32", [3], [0.5, -1.375, 0.0]>}> : () -> tensor<3xf32>
    %10 = "nn.sub"(%8, %9) <{origin = "key"}> : (tensor<1x3xf32>, tensor<3xf32>) -> tensor<1x3xf32>
    %11 = "fx.constant"() <{value = #fx.array<"f32", [3], [-0.75, 0.5, 0.125]>}> : () -> tensor<3xf32>
    %12 = "nn.max"(%10, %11) <{origin = "clock"}> : (tensor<1x3xf32>, tensor<3xf32>) -> tensor<1x3xf32>
    %13 = "nn.relu"(%12) <{origin = "/block.1/relu:0"}> : (tensor<1x3xf32>) -> tensor<1x3xf32>
    %14 = "nn.add"(%13, %13) <{origin = "*/ -- \22\C3\A9\22 \\ %s {{x}} ]]>"}> : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x3xf32>
    %15 = "nn.reduce"(%14) <{kind = "sum", axes = #fx.array<"i8", [1], [-1]>, keep_axes = true, origin = "1st"}> : (tensor<1x3xf32>) -> tensor<1x1xf32>
    %16 = "nn.argmax"(%14) <{axis = -1 : i64, keep_axes = false, origin = "int"}> : (tensor<1x3xf32>) -> tensor<1xf32>
    "func.return"(%15, %16, %14, %3) : (tensor<1x1xf32>, tensor<1xf32>, tensor<1x3xf32>, tensor<1x4xf32>) -> ()
  }) {input_names = ["in", "signal x"], batched = true, model = "entity", output_names = ["out", "clk", "OUT", "end"]} : () -> ()
}) : () -> ()
