"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x6xf32>) -> tensor<1x3xf32>}> ({
  ^bb0(%0: tensor<1x6xf32>):
    %1 = "nn.quant"(%0) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.1]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "q_in"}> : (tensor<1x6xf32>) -> tensor<1x6xf32>
    %2 = "fx.constant"() <{value = #fx.array<"f32", [6, 5], "5c38486d7504ae927432907ebe33c46b">}> : () -> tensor<6x5xf32>
    %3 = "nn.quant"(%2) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.07]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-4.0]>, high = #fx.array<"f64", [], [3.0]>, origin = "q_w1"}> : (tensor<6x5xf32>) -> tensor<6x5xf32>
    %4 = "nn.matmul"(%1, %3) <{origin = "fc1"}> : (tensor<1x6xf32>, tensor<6x5xf32>) -> tensor<1x5xf32>
    %5 = "fx.constant"() <{value = #fx.array<"f32", [5], [0.17991328239440918, -0.04733266308903694, -0.1258709877729416, 0.04630221426486969, 0.14003035426139832]>}> : () -> tensor<5xf32>
    %6 = "nn.add"(%4, %5) <{origin = "bias1"}> : (tensor<1x5xf32>, tensor<5xf32>) -> tensor<1x5xf32>
    %7 = "nn.relu"(%6) <{origin = "relu1"}> : (tensor<1x5xf32>) -> tensor<1x5xf32>
    %8 = "nn.quant"(%7) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.13]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [0.0]>, high = #fx.array<"f64", [], [15.0]>, origin = "q_1"}> : (tensor<1x5xf32>) -> tensor<1x5xf32>
    %9 = "fx.constant"() <{value = #fx.array<"f32", [5, 3], [0.331828773021698, 0.9862369298934937, 0.1045837327837944, -0.2962050437927246, -0.06298959255218506, -0.036249272525310516, 0.05436869338154793, -0.015013906173408031, 0.08698297291994095, -0.8354250192642212, 0.41481447219848633, -0.28736963868141174, -0.5865793228149414, 0.31887558102607727, 0.6586629748344421]>}> : () -> tensor<5x3xf32>
    %10 = "nn.quant"(%9) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [], [0.4]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-1.0]>, high = #fx.array<"f64", [], [1.0]>, origin = "q_w2"}> : (tensor<5x3xf32>) -> tensor<5x3xf32>
    %11 = "nn.matmul"(%8, %10) <{origin = "fc2"}> : (tensor<1x5xf32>, tensor<5x3xf32>) -> tensor<1x3xf32>
    %12 = "nn.quant"(%11) <{rounding = "RND_CONV", output = "value", round_first = false, scale = #fx.array<"f64", [1, 3], [0.11, 0.07, 0.09]>, zero_point = #fx.array<"f64", [], [0.0]>, low = #fx.array<"f64", [], [-8.0]>, high = #fx.array<"f64", [], [7.0]>, origin = "q_out"}> : (tensor<1x3xf32>) -> tensor<1x3xf32>
    "func.return"(%12) : (tensor<1x3xf32>) -> ()
  }) {input_names = ["pixels"], batched = true, model = "thresholds", output_names = ["levels"]} : () -> ()
}) : () -> ()

{-#
  dialect_resources: {
    builtin: {
      fx_f32_6x5_5c38486d7504ae927432907ebe33c46b: "0x08000000743C32BE4A31883ECB834FBEA9460E3E22C5B4BD5E3CD8BE44C023BE644DF3BEAA7B553BD9DA0FBFF6E30BBFBA7D3A3FB2D7D9BC5FC8DCBC0DF4823E927A57BE2D05EABD18AD593ECF98103ED66314BFF155D53EBF2697BE982D07BF8985E6BE8FF547BE604B503FF67716BFEFEAA33D1DD288BF8D614DBA"
    }
  }
#-}
