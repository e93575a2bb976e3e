"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x8xf32>) -> (tensor<1x4xf32>, tensor<1xf32>)}> ({
  ^bb0(%0: tensor<1x8xf32>):
    %1 = "fx.constant"() <{value = #fx.array<"f32", [8, 6], "c78712fc157bd8d47a8a6685dcf91a64">}> : () -> tensor<8x6xf32>
    %2 = "nn.matmul"(%0, %1) <{origin = "fc1"}> : (tensor<1x8xf32>, tensor<8x6xf32>) -> tensor<1x6xf32>
    %3 = "fx.constant"() <{value = #fx.array<"f32", [6], [0.296875, 0.453125, 0.15625, -0.40625, 0.359375, -0.25]>}> : () -> tensor<6xf32>
    %4 = "nn.add"(%2, %3) <{origin = "fc1_bias"}> : (tensor<1x6xf32>, tensor<6xf32>) -> tensor<1x6xf32>
    %5 = "nn.function"(%4) <{function = "tanh", origin = "act1"}> : (tensor<1x6xf32>) -> tensor<1x6xf32>
    %6 = "fx.constant"() <{value = #fx.array<"f32", [6, 4], "37bf514e70717133fe960336ccd8cb68">}> : () -> tensor<6x4xf32>
    %7 = "nn.matmul"(%5, %6) <{origin = "fc2"}> : (tensor<1x6xf32>, tensor<6x4xf32>) -> tensor<1x4xf32>
    %8 = "fx.constant"() <{value = #fx.array<"f32", [4], [-0.0625, -0.21875, 0.390625, 0.09375]>}> : () -> tensor<4xf32>
    %9 = "nn.add"(%7, %8) <{origin = "fc2_bias"}> : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
    %10 = "nn.softmax"(%9) <{axis = -1 : i64, origin = "softmax"}> : (tensor<1x4xf32>) -> tensor<1x4xf32>
    %11 = "nn.argmax"(%9) <{axis = -1 : i64, keep_axes = false, origin = "best"}> : (tensor<1x4xf32>) -> tensor<1xf32>
    "func.return"(%10, %11) : (tensor<1x4xf32>, tensor<1xf32>) -> ()
  }) {input_names = ["features"], batched = true, model = "classifier", output_names = ["probabilities", "label"]} : () -> ()
}) : () -> ()

{-#
  dialect_resources: {
    builtin: {
      fx_f32_8x6_c78712fc157bd8d47a8a6685dcf91a64: "0x080000000000303E0000D03E0000303E000028BF0000E83E0000603E000088BE0000983E0000403E0000103E0000803C0000883E0000C0BE0000A0BD000070BE0000983E0000803C000010BE0000C8BE000000BE00000000000010BE0000243F0000003F0000AEBF000070BF0000C0BD000060BE0000E03D0000E03D0000883F000010BF000040BE0000823F0000A83E0000A83E000080BE000054BF0000A03D0000403D00001CBF0000B0BE000000BD0000F0BE000040BD0000403D0000803C000080BE",
      fx_f32_6x4_37bf514e70717133fe960336ccd8cb68: "0x080000000000E03E000008BF0000E83E000080BC000020BF000020BE0000003D0000103E0000F8BE00000CBF0000C03D000070BE0000003E0000C03E000054BF0000003E00001C3F000020BE0000D0BE0000C03E0000003E0000E83E000030BE00003CBF"
    }
  }
#-}
