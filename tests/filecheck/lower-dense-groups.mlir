// RUN-PASSES: lower-dense{strategy="b=resource"}

// Groups of channels: one matrix with zeros beside its blocks, its rows in the order of the elements before
// they were put side by side; or a layer for each group.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<1x1x1x2x2x!fx.fixed<4, 4, signed>>) -> tensor<1x1x1x2x1x1x!fx.fixed<10, 10, signed>>}> ({
  ^bb0(%0: tensor<1x1x1x2x2x!fx.fixed<4, 4, signed>>):
    %1 = "nn.transpose"(%0) <{permutation = #fx.array<"i8", [5], [0, 1, 2, 4, 3]>, origin = "a"}> : (tensor<1x1x1x2x2x!fx.fixed<4, 4, signed>>) -> tensor<1x1x1x2x2x!fx.fixed<4, 4, signed>>
    %2 = "nn.reshape"(%1) <{shape = #fx.array<"i8", [6], [1, 1, 1, 2, 1, 2]>, origin = "a"}> : (tensor<1x1x1x2x2x!fx.fixed<4, 4, signed>>) -> tensor<1x1x1x2x1x2x!fx.fixed<4, 4, signed>>
    %3 = "fx.constant"() <{value = #fx.array<"i8", [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 7]>}> : () -> tensor<2x2x2x!fx.fixed<3, 3, unsigned>>
    %4 = "nn.matmul"(%2, %3) <{origin = "a"}> : (tensor<1x1x1x2x1x2x!fx.fixed<4, 4, signed>>, tensor<2x2x2x!fx.fixed<3, 3, unsigned>>) -> tensor<1x1x1x2x1x2x!fx.fixed<8, 8, signed>>
    %5 = "fx.constant"() <{value = #fx.array<"i8", [2, 2, 1], [1, 1, 2, 1]>}> : () -> tensor<2x2x1x!fx.fixed<2, 2, unsigned>>
    %6 = "nn.matmul"(%4, %5) <{origin = "b"}> : (tensor<1x1x1x2x1x2x!fx.fixed<8, 8, signed>>, tensor<2x2x1x!fx.fixed<2, 2, unsigned>>) -> tensor<1x1x1x2x1x1x!fx.fixed<10, 10, signed>>
    "func.return"(%6) : (tensor<1x1x1x2x1x1x!fx.fixed<10, 10, signed>>) -> ()
  }) {input_names = ["x"], batched = true, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "nn.reshape"(%0) <{shape = #fx.array<"i8", [4], [1, 1, 1, 4]>, origin = "a"}>
// CHECK-NEXT: "fx.constant"() <{value = #fx.array<"i8", [4, 4], [1, 2, 0, 0, 0, 0, 5, 6, 3, 4, 0, 0, 0, 0, 7, 7]>, origin = "a"}>
// CHECK-NEXT: "nn.dense"(%1, %2) <{strategy = "adder_graph", origin = "a"}>
// CHECK-NEXT: "nn.reshape"(%3) <{shape = #fx.array<"i8", [6], [1, 1, 1, 2, 1, 2]>, origin = "a"}>
// CHECK-NEXT: "nn.gather"(%4) <{indices = #fx.array<"i8", [1], [0]>, axis = 3 : i64, origin = "b"}>
// CHECK: "nn.dense"({{.*}}) <{strategy = "resource", origin = "b"}>
// CHECK: "nn.gather"(%4) <{indices = #fx.array<"i8", [1], [1]>, axis = 3 : i64, origin = "b"}>
// CHECK: "nn.dense"({{.*}}) <{strategy = "resource", origin = "b"}>
// CHECK: "nn.concat"
