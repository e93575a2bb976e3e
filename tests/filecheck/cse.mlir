// RUN-PASSES: cse

// The second sum is the first; the third has another constant.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<2x!fx.fixed<8, 4, signed>>) -> (tensor<2x!fx.fixed<18, 10, signed>>, tensor<2x!fx.fixed<9, 5, signed>>)}> ({
  ^bb0(%0: tensor<2x!fx.fixed<8, 4, signed>>):
    %1 = "fx.constant"() <{value = #fx.array<"i8", [2], [1, 2]>}> : () -> tensor<2x!fx.fixed<2, 2, unsigned>>
    %2 = "nn.add"(%0, %1) <{origin = "first"}> : (tensor<2x!fx.fixed<8, 4, signed>>, tensor<2x!fx.fixed<2, 2, unsigned>>) -> tensor<2x!fx.fixed<9, 5, signed>>
    %3 = "fx.constant"() <{value = #fx.array<"i8", [2], [1, 2]>}> : () -> tensor<2x!fx.fixed<2, 2, unsigned>>
    %4 = "nn.add"(%0, %3) <{origin = "second"}> : (tensor<2x!fx.fixed<8, 4, signed>>, tensor<2x!fx.fixed<2, 2, unsigned>>) -> tensor<2x!fx.fixed<9, 5, signed>>
    %5 = "fx.constant"() <{value = #fx.array<"i8", [2], [1, 3]>}> : () -> tensor<2x!fx.fixed<2, 2, unsigned>>
    %6 = "nn.add"(%0, %5) <{origin = "third"}> : (tensor<2x!fx.fixed<8, 4, signed>>, tensor<2x!fx.fixed<2, 2, unsigned>>) -> tensor<2x!fx.fixed<9, 5, signed>>
    %7 = "nn.mul"(%2, %4) <{origin = "square"}> : (tensor<2x!fx.fixed<9, 5, signed>>, tensor<2x!fx.fixed<9, 5, signed>>) -> tensor<2x!fx.fixed<18, 10, signed>>
    "func.return"(%7, %6) : (tensor<2x!fx.fixed<18, 10, signed>>, tensor<2x!fx.fixed<9, 5, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0", "y1"]} : () -> ()
}) : () -> ()

// CHECK: "fx.constant"() <{value = #fx.array<"i8", [2], [1, 2]>}>{{.*}} -> tensor<2x!fx.fixed<2, 2, unsigned>>
// CHECK-NEXT: "nn.add"(%0, %1) <{origin = "first"}>{{.*}} -> tensor<2x!fx.fixed<9, 5, signed>>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [2], [1, 3]>}>{{.*}} -> tensor<2x!fx.fixed<2, 2, unsigned>>
// CHECK-NEXT: "nn.add"(%0, %3) <{origin = "third"}>{{.*}} -> tensor<2x!fx.fixed<9, 5, signed>>
// CHECK-NEXT: "nn.mul"(%2, %2) <{origin = "square"}>{{.*}} -> tensor<2x!fx.fixed<18, 10, signed>>
// CHECK-NEXT: "func.return"(%5, %4)
