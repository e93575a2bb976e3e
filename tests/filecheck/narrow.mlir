// RUN-PASSES: narrow

// The widened format shrinks to its values, and so does everything behind it.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<2x!fx.fixed<4, 4, signed>>) -> tensor<2x!fx.fixed<13, 11, unsigned>>}> ({
  ^bb0(%0: tensor<2x!fx.fixed<4, 4, signed>>):
    %1 = "fx.cast"(%0) <{rounding = "RND", overflow = "SAT", origin = "wide"}> : (tensor<2x!fx.fixed<4, 4, signed>>) -> tensor<2x!fx.fixed<12, 10, signed>>
    %2 = "nn.relu"(%1) <{origin = "act"}> : (tensor<2x!fx.fixed<12, 10, signed>>) -> tensor<2x!fx.fixed<11, 9, unsigned>>
    %3 = "fx.constant"() <{value = #fx.array<"i8", [1], [3]>}> : () -> tensor<1x!fx.fixed<2, 2, unsigned>>
    %4 = "nn.mul"(%2, %3) <{origin = "three"}> : (tensor<2x!fx.fixed<11, 9, unsigned>>, tensor<1x!fx.fixed<2, 2, unsigned>>) -> tensor<2x!fx.fixed<13, 11, unsigned>>
    "func.return"(%4) : (tensor<2x!fx.fixed<13, 11, unsigned>>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "fx.cast"(%0) <{rounding = "RND", overflow = "SAT", origin = "wide"}>{{.*}} -> tensor<2x!fx.fixed<6, 4, signed>>
// CHECK-NEXT: "nn.relu"(%1) <{origin = "act"}>{{.*}} -> tensor<2x!fx.fixed<5, 3, unsigned>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [1], [3]>}>{{.*}} -> tensor<1x!fx.fixed<2, 2, unsigned>>
// CHECK-NEXT: "nn.mul"(%2, %3) <{origin = "three"}>{{.*}} -> tensor<2x!fx.fixed<7, 5, unsigned>>
// CHECK-NEXT: "func.return"(%4)
