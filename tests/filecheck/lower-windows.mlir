// RUN-PASSES: lower-windows

// Each tap of a window picks a pixel, or the one of fill behind all of them.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x2x2x1x!fx.fixed<4, 4, signed>>) -> tensor<1x1x2x2x1x1x!fx.fixed<4, 4, signed>>}> ({
  ^bb0(%0: tensor<1x2x2x1x!fx.fixed<4, 4, signed>>):
    %1 = "nn.window"(%0) <{kernel = #fx.array<"i8", [2], [2, 1]>, strides = #fx.array<"i8", [2], [2, 1]>, dilations = #fx.array<"i8", [2], [1, 1]>, padding = #fx.array<"i8", [4], [1, 0, 0, 0]>, fill = "lowest", origin = "pool"}> : (tensor<1x2x2x1x!fx.fixed<4, 4, signed>>) -> tensor<1x1x2x2x1x1x!fx.fixed<4, 4, signed>>
    "func.return"(%1) : (tensor<1x1x2x2x1x1x!fx.fixed<4, 4, signed>>) -> ()
  }) {input_names = ["x"], batched = true, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "nn.reshape"(%0) <{shape = #fx.array<"i8", [3], [1, 4, 1]>, origin = "pool"}>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [1, 1, 1], [-8]>, origin = "pool"}>
// CHECK-NEXT: "nn.concat"(%1, %2) <{axis = 1 : i64, origin = "pool"}>
// CHECK-NEXT: "nn.gather"(%3) <{indices = #fx.array<"i8", [1, 2, 2, 1], [4, 0, 4, 1]>, axis = 1 : i64, origin = "pool"}>{{.*}} -> tensor<1x1x2x2x1x1x!fx.fixed<4, 4, signed>>
// CHECK-NEXT: "func.return"(%4)
