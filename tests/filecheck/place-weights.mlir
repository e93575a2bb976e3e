// RUN-PASSES: place-weights{weights="external; fc2=internal" memory-latency=40}

// Layers of strategy resource with a reuse factor above 1, unless an entry keeps them.

"builtin.module"() ({
  "func.func"() <{sym_name = "main", function_type = (tensor<2x4x!fx.fixed<4, 4, signed>>) -> tensor<2x2x!fx.fixed<12, 12, signed>>}> ({
  ^bb0(%0: tensor<2x4x!fx.fixed<4, 4, signed>>):
    %1 = "fx.constant"() <{value = #fx.array<"i8", [4, 2], [1, 2, 3, 4, 3, 2, 1, 4]>}> : () -> tensor<4x2x!fx.fixed<3, 3, unsigned>>
    %2 = "nn.dense"(%0, %1) <{strategy = "resource", reuse_factor = 8 : i64, origin = "fc1"}> : (tensor<2x4x!fx.fixed<4, 4, signed>>, tensor<4x2x!fx.fixed<3, 3, unsigned>>) -> tensor<2x2x!fx.fixed<8, 8, signed>>
    %3 = "fx.constant"() <{value = #fx.array<"i8", [2, 2], [1, 2, 3, 4]>}> : () -> tensor<2x2x!fx.fixed<3, 3, unsigned>>
    %4 = "nn.dense"(%2, %3) <{strategy = "resource", reuse_factor = 4 : i64, origin = "fc2"}> : (tensor<2x2x!fx.fixed<8, 8, signed>>, tensor<2x2x!fx.fixed<3, 3, unsigned>>) -> tensor<2x2x!fx.fixed<11, 11, signed>>
    %5 = "nn.dense"(%4, %3) <{strategy = "latency", origin = "fc3"}> : (tensor<2x2x!fx.fixed<11, 11, signed>>, tensor<2x2x!fx.fixed<3, 3, unsigned>>) -> tensor<2x2x!fx.fixed<12, 12, signed>>
    "func.return"(%5) : (tensor<2x2x!fx.fixed<12, 12, signed>>) -> ()
  }) {input_names = ["x"], batched = false, model = "model", output_names = ["y0"]} : () -> ()
}) : () -> ()

// CHECK: "nn.dense"(%0, %1) <{{{.*}}memory_latency = 40 : i64{{.*}}}>
// CHECK-NEXT: "fx.constant"()
// CHECK-NEXT: "nn.dense"(%2, %3) <{strategy = "resource", reuse_factor = 4 : i64, origin = "fc2"}>
// CHECK-NEXT: "nn.dense"(%4, %3) <{strategy = "latency", origin = "fc3"}>
