// RUN-PASSES: canonicalize

// A cast to the same format goes, unless it clips; casts, rectifiers and reshapes join; constants fold.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<2x2x!fx.fixed<8, 4, signed>>) -> tensor<1x4x!fx.fixed<6, 4, unsigned>>}> ({
  ^bb0(%0: tensor<2x2x!fx.fixed<8, 4, signed>>):
    %1 = "fx.cast"(%0) <{rounding = "RND", overflow = "SAT", origin = "same"}> : (tensor<2x2x!fx.fixed<8, 4, signed>>) -> tensor<2x2x!fx.fixed<8, 4, signed>>
    %2 = "fx.cast"(%1) <{rounding = "RND", overflow = "SAT_SYM", origin = "sym"}> : (tensor<2x2x!fx.fixed<8, 4, signed>>) -> tensor<2x2x!fx.fixed<8, 4, signed>>
    %3 = "fx.cast"(%2) <{rounding = "RND", overflow = "SAT", origin = "round"}> : (tensor<2x2x!fx.fixed<8, 4, signed>>) -> tensor<2x2x!fx.fixed<6, 4, signed>>
    %4 = "nn.relu"(%3) <{origin = "act"}> : (tensor<2x2x!fx.fixed<6, 4, signed>>) -> tensor<2x2x!fx.fixed<5, 3, unsigned>>
    %5 = "nn.reshape"(%4) <{shape = #fx.array<"i8", [1], [4]>, origin = "flat"}> : (tensor<2x2x!fx.fixed<5, 3, unsigned>>) -> tensor<4x!fx.fixed<5, 3, unsigned>>
    %6 = "nn.reshape"(%5) <{shape = #fx.array<"i8", [2], [1, 4]>, origin = "rows"}> : (tensor<4x!fx.fixed<5, 3, unsigned>>) -> tensor<1x4x!fx.fixed<5, 3, unsigned>>
    %7 = "fx.constant"() <{value = #fx.array<"i8", [4], [1, 2, 3, 4]>}> : () -> tensor<4x!fx.fixed<3, 3, unsigned>>
    %8 = "fx.constant"() <{value = #fx.array<"i8", [1], [1]>}> : () -> tensor<1x!fx.fixed<1, 1, unsigned>>
    %9 = "nn.add"(%7, %8) <{origin = "sum"}> : (tensor<4x!fx.fixed<3, 3, unsigned>>, tensor<1x!fx.fixed<1, 1, unsigned>>) -> tensor<4x!fx.fixed<3, 3, unsigned>>
    %10 = "nn.add"(%6, %9) <{origin = "out"}> : (tensor<1x4x!fx.fixed<5, 3, unsigned>>, tensor<4x!fx.fixed<3, 3, unsigned>>) -> tensor<1x4x!fx.fixed<6, 4, unsigned>>
    "func.return"(%10) : (tensor<1x4x!fx.fixed<6, 4, unsigned>>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.cast"(%0) <{rounding = "RND", overflow = "SAT_SYM", origin = "sym"}>{{.*}} -> tensor<2x2x!fx.fixed<8, 4, signed>>
// CHECK-NEXT: "fx.cast"(%1) <{rounding = "RND", overflow = "SAT", origin = "act"}>{{.*}} -> tensor<2x2x!fx.fixed<5, 3, unsigned>>
// CHECK-NEXT: "nn.reshape"(%2) <{shape = #fx.array<"i8", [2], [1, 4]>, origin = "rows"}>{{.*}} -> tensor<1x4x!fx.fixed<5, 3, unsigned>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [4], [2, 3, 4, 5]>, origin = "sum"}>{{.*}} -> tensor<4x!fx.fixed<3, 3, unsigned>>
// CHECK-NEXT: "nn.add"(%3, %4) <{origin = "out"}>{{.*}} -> tensor<1x4x!fx.fixed<6, 4, unsigned>>
// CHECK-NEXT: "func.return"(%5)
