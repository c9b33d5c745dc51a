"""Records tests/frontend/opsets/*.txt: small models in older spellings, with inputs and ONNX Runtime's outputs.

Needed only to add cases: python3 make_opsets.py FOLDER, with onnx, onnxruntime and numpy.  A file has one line a message,
"model", "input" or "output", as wire_text.h writes them.
"""
import sys
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh
from onnx.reference import ReferenceEvaluator

rng = np.random.default_rng(7)


def floats(*shape):
    return (rng.standard_normal(shape) * 2).round(3).astype(np.float32)


def text(message):
    """wire_text.h's spelling of a protobuf message."""
    parts = []
    for field, value in message.ListFields():
        for v in value if field.is_repeated else [value]:
            number = field.number
            if field.message_type:
                parts.append(f"{number}{{{text(v)}}}")
            elif isinstance(v, float):
                code = np.float64(v) if field.type == field.TYPE_DOUBLE else np.float32(v)
                assert code.dtype == np.float32, "wire_text has no 64-bit numbers"
                parts.append(f"{number}^{code.tobytes().hex()} ")
            elif isinstance(v, int):
                parts.append(f"{number}={v} ")
            elif isinstance(v, bytes) or "'" in v:
                parts.append(f"{number}#{(v if isinstance(v, bytes) else v.encode()).hex()} ")
            else:
                parts.append(f"{number}'{v}'")
    return "".join(parts)


def info(name, array):
    return h.make_tensor_value_info(name, h.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def free(name, kind=T.FLOAT):
    return h.make_tensor_value_info(name, kind, None)


CASES = {}


# reference: True for onnx's evaluator instead of ONNX Runtime, or the case whose recorded results hold here too.
def case(name, opset, nodes, inputs, outputs=("y",), initializers=(), functions=(), reference=False, kinds=None):
    graph = h.make_graph(nodes, name, [info(k, v) for k, v in inputs.items()],
                         [free(o, (kinds or {}).get(o, T.FLOAT)) for o in outputs], list(initializers))
    imports = [h.make_opsetid("", opset)] + ([h.make_opsetid("local", 1)] if functions else [])
    model = h.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=10)
    CASES[name] = (model, inputs, list(outputs), reference)


def op(name, opset, kind, inputs, constants=(), outputs=("y",), **attrs):
    """One node `kind`; constants are initializers behind the inputs; None: an absent input."""
    names = list(inputs) + [f"c{k}" if c is not None else "" for k, c in enumerate(constants)]
    inits = [nh.from_array(c, f"c{k}") for k, c in enumerate(constants) if c is not None]
    kinds = attrs.pop("kinds", None)
    reference = attrs.pop("reference", False)
    case(name, opset, [h.make_node(kind, names, list(outputs), **attrs)], inputs, outputs, inits, reference=reference, kinds=kinds)


x34, x234 = floats(3, 4), floats(2, 3, 4)
image = floats(1, 2, 4, 4)
I = np.int64

for kind in ("Softmax", "LogSoftmax", "Hardmax"):
    op(f"{kind.lower()}_7", 7, kind, {"x": x234})
    op(f"{kind.lower()}_11_axis0", 11, kind, {"x": x234}, axis=0)
op("softmax_11_last", 11, "Softmax", {"x": x234}, axis=-1)
op("softmax_12_axis2", 12, "Softmax", {"x": image}, axis=2)
op("softmax_13", 13, "Softmax", {"x": x234}, axis=1)
for kind in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "LogSumExp", "SumSquare"):
    op(f"reduce{kind.lower()}_11", 11, f"Reduce{kind}", {"x": x234}, axes=[0, 2], keepdims=0)
op("reducelogsum_11", 11, "ReduceLogSum", {"x": np.abs(x234) + 1}, axes=[-1])
op("reducemean_17_all", 17, "ReduceMean", {"x": x234}, keepdims=0)
op("reducesum_13", 13, "ReduceSum", {"x": x234}, [np.array([1], I)])
op("squeeze_11", 11, "Squeeze", {"x": floats(1, 3, 1, 2)}, axes=[0, -2])
op("squeeze_7_all", 7, "Squeeze", {"x": floats(1, 3, 1, 2)})
op("unsqueeze_11", 11, "Unsqueeze", {"x": x34}, axes=[0, -1])
op("split_7_equal", 7, "Split", {"x": floats(4, 6)}, outputs=("y", "z"), axis=1)
op("split_11_sizes", 11, "Split", {"x": floats(4, 6)}, outputs=("y", "z"), axis=-1, split=[2, 4])
op("split_13_equal", 13, "Split", {"x": floats(4, 6)}, outputs=("y", "z"), axis=0)
op("split_18_uneven", 18, "Split", {"x": floats(4, 7)}, outputs=("y", "z"), axis=1, num_outputs=2)
op("slice_9", 9, "Slice", {"x": floats(5, 6)}, starts=[1, -4], ends=[1000, -1], axes=[0, 1])
op("slice_7_all_axes", 7, "Slice", {"x": floats(5, 6)}, starts=[0, 2], ends=[3, 5])
op("slice_10", 10, "Slice", {"x": floats(5, 6)}, [np.array([4], I), np.array([0], I), np.array([0], I), np.array([-2], I)])
op("pad_10_constant", 10, "Pad", {"x": x34}, pads=[1, 0, 0, 2], value=1.5)
op("pad_7_reflect", 7, "Pad", {"x": x34}, pads=[1, 2, 1, 0], mode="reflect")
op("pad_10_edge", 10, "Pad", {"x": x34}, pads=[0, 2, 1, 1], mode="edge")
op("pad_11", 11, "Pad", {"x": x34}, [np.array([1, 0, 0, 2], I), np.array(-2, np.float32)])
op("clip_10", 10, "Clip", {"x": x34}, min=-1.0, max=0.5)
op("clip_7_low", 7, "Clip", {"x": x34}, min=-1.0)
op("clip_10_high", 10, "Clip", {"x": x34}, max=0.5)
op("clip_10_nothing", 10, "Clip", {"x": x34})
op("clip_11_low", 11, "Clip", {"x": x34}, [np.array(-0.5, np.float32)])
op("clip_12_high_i32", 12, "Clip", {"x": np.arange(-4, 4, dtype=np.int32)}, [None, np.array(2, np.int32)], kinds={"y": T.INT32})
case("clip_10_of_result", 10, [h.make_node("Exp", ["x"], ["e"]), h.make_node("Clip", ["e"], ["y"], min=0.5, max=2.0)], {"x": x34})
case("pad_10_of_result", 10, [h.make_node("Exp", ["x"], ["e"]), h.make_node("Pad", ["e"], ["y"], pads=[1, 0, 0, 1], value=0.25)],
     {"x": x34})
op("topk_9", 9, "TopK", {"x": x34}, outputs=("y", "i"), k=2, axis=1, kinds={"i": T.INT64})
op("topk_10", 10, "TopK", {"x": x34}, [np.array([2], I)], outputs=("y", "i"), axis=0, kinds={"i": T.INT64})
up = np.array([1, 1, 2, 3], np.float32)
op("upsample_8_nearest", 8, "Upsample", {"x": image}, mode="nearest", scales=[1.0, 1.0, 2.0, 3.0])
op("upsample_9_linear", 9, "Upsample", {"x": image}, [up], mode="linear")
op("resize_10_nearest", 10, "Resize", {"x": image}, [up], mode="nearest")
op("resize_10_linear", 10, "Resize", {"x": image}, [up], mode="linear")
none = np.zeros([0], np.float32)
op("resize_11_sizes", 11, "Resize", {"x": image}, [none, none, np.array([1, 2, 8, 6], I)], mode="nearest",
   coordinate_transformation_mode="asymmetric", nearest_mode="floor")
op("resize_11_scales", 11, "Resize", {"x": image}, [none, up], mode="linear", coordinate_transformation_mode="half_pixel")
op("resize_13_cubic", 13, "Resize", {"x": image}, [None, up], mode="cubic")
op("dropout_7", 7, "Dropout", {"x": x34}, ratio=0.3)
op("dropout_10", 10, "Dropout", {"x": x34})
op("scatter_9", 9, "Scatter", {"x": x34, "i": np.array([[1, 0], [3, 2]], I), "u": floats(2, 2)}, axis=1)
op("mod_10_fmod", 10, "Mod", {"x": floats(6), "d": np.array([1, -1, 0.75, 2, -2, 3], np.float32)}, fmod=1)
op("mod_10", 10, "Mod", {"x": np.array([-7, 7, 5, -5], np.int32), "d": np.array([3, -3, 2, 2], np.int32)}, kinds={"y": T.INT32})
for way in ("LEFT", "RIGHT"):
    op(f"bitshift_11_{way.lower()}", 11, "BitShift", {"x": np.array([1, 40, 255], np.uint8), "n": np.array([3, 1, 2], np.uint8)},
       direction=way, kinds={"y": T.UINT8})
op("gelu_20", 20, "Gelu", {"x": x34})
op("gelu_20_tanh", 20, "Gelu", {"x": x34}, approximate="tanh")
for kind in ("Max", "Min", "Sum", "Mean"):
    op(f"{kind.lower()}_8_three", 8, kind, {"a": x34, "b": floats(4), "c": floats(3, 1)})
op("mean_13_one", 13, "Mean", {"a": x34})
stats = [floats(2), floats(2), floats(2), np.abs(floats(2)) + 1]
op("batchnorm_7", 7, "BatchNormalization", {"x": image}, stats, spatial=1, epsilon=1e-3)
op("batchnorm_9", 9, "BatchNormalization", {"x": image}, stats)
op("batchnorm_15", 15, "BatchNormalization", {"x": image}, stats)
op("groupnorm_18", 18, "GroupNormalization", {"x": floats(2, 4, 3), "s": floats(2), "b": floats(2)}, num_groups=2, reference=True)
op("groupnorm_21", 21, "GroupNormalization", {"x": floats(2, 4, 3), "s": floats(4), "b": floats(4)}, num_groups=2)
op("roialign_10", 10, "RoiAlign", {"x": image, "r": np.array([[0.5, 0.5, 3, 3], [0, 1, 2, 3.5]], np.float32)},
   [np.array([0, 0], I)], output_height=2, output_width=2, sampling_ratio=2)
op("dft_17", 17, "DFT", {"x": floats(1, 4, 3, 1)}, axis=2, reference=True)
op("dft_17_default", 17, "DFT", {"x": floats(1, 4, 3, 1)}, onesided=1, reference=True)
op("isinf_10", 10, "IsInf", {"x": np.array([1, np.inf, -np.inf, np.nan], np.float32)}, detect_negative=0, kinds={"y": T.BOOL})
op("prelu_9", 9, "PRelu", {"x": x34, "s": floats(4)})
op("celu_12", 12, "Celu", {"x": x34}, alpha=2.0)
op("averagepool_7", 7, "AveragePool", {"x": image}, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], count_include_pad=1)
op("maxpool_8", 8, "MaxPool", {"x": image}, kernel_shape=[2, 2], auto_pad="SAME_UPPER")
op("gemm_7", 7, "Gemm", {"a": floats(4, 3), "b": floats(4, 5), "c": floats(5)}, transA=1, alpha=0.5, beta=2.0)
op("depthtospace_10", 10, "DepthToSpace", {"x": floats(1, 8, 2, 3)}, blocksize=2)
op("flatten_9", 9, "Flatten", {"x": image}, axis=2)
op("argmax_11", 11, "ArgMax", {"x": x34}, axis=1, keepdims=0, kinds={"y": T.INT64})
op("gru_7", 7, "GRU", {"x": floats(3, 2, 4), "w": floats(1, 9, 4), "r": floats(1, 9, 3)}, outputs=("y", "h"), hidden_size=3)
op("lstm_7", 7, "LSTM", {"x": floats(3, 2, 4), "w": floats(1, 12, 4), "r": floats(1, 12, 3)}, outputs=("y", "h", "c"), hidden_size=3)
op("cast_9", 9, "Cast", {"x": x34}, to=T.INT32, kinds={"y": T.INT32})

# Constants in every spelling, and typed initializers.
k = h.make_node
case("constant_13_float", 13, [k("Constant", [], ["c"], value_float=2.5), k("Mul", ["x", "c"], ["y"])], {"x": x34})
case("constant_13_floats", 13, [k("Constant", [], ["c"], value_floats=[1.0, 2.0, 3.0, 4.0]), k("Mul", ["x", "c"], ["y"])], {"x": x34})
case("constant_13_int", 13, [k("Constant", [], ["c"], value_int=1), k("Gather", ["x", "c"], ["y"], axis=1)], {"x": x34})
case("constant_13_ints", 13, [k("Constant", [], ["c"], value_ints=[4, 3]), k("Reshape", ["x", "c"], ["y"])], {"x": x34})
sparse = h.make_sparse_tensor(h.make_tensor("v", T.FLOAT, [2], [1.5, -2.0]), h.make_tensor("i", T.INT64, [2], [1, 10]), [3, 4])
case("constant_13_sparse", 13, [k("Constant", [], ["c"], sparse_value=sparse), k("Add", ["x", "c"], ["y"])], {"x": x34})
TYPED = {"i8": (T.INT8, [-128, 127]), "u8": (T.UINT8, [0, 255]), "i16": (T.INT16, [-3, 5]), "u16": (T.UINT16, [7, 65535]),
         "i32": (T.INT32, [-9, 9]), "u32": (T.UINT32, [1, 4000000]), "i64": (T.INT64, [-1, 1 << 20]), "u64": (T.UINT64, [3, 1 << 20]),
         "bool": (T.BOOL, [0, 1]), "f16": (T.FLOAT16, [1.5, -2]), "bf16": (T.BFLOAT16, [1.5, -2]), "f8e4m3": (T.FLOAT8E4M3FN, [1.5, -2])}
for name, (code, values) in TYPED.items():
    case(f"typed_{name}", 21, [k("Cast", ["c"], ["f"], to=T.FLOAT), k("Mul", ["x", "f"], ["y"])], {"x": floats(3, 2)},
         initializers=[h.make_tensor("c", code, [2], values)])
for name, code, values in (("i4", T.INT4, [-8, 7, -1]), ("u4", T.UINT4, [15, 0, 9])):
    case(f"typed_{name}", 21, [k("Cast", ["c"], ["f"], to=T.FLOAT), k("Mul", ["x", "f"], ["y"])], {"x": floats(2, 3)},
         initializers=[h.make_tensor("c", code, [3], values)])

# Sequences and optionals that can be taken apart.
case("sequence_at", 13, [k("SequenceConstruct", ["a", "b"], ["s"]), k("Constant", [], ["i"], value_int=-1),
                         k("SequenceAt", ["s", "i"], ["y"])], {"a": x34, "b": floats(2, 2)})
case("sequence_edit", 13, [k("SequenceEmpty", [], ["e"], dtype=T.FLOAT), k("SequenceInsert", ["e", "a"], ["s1"]),
                           k("Constant", [], ["z"], value_int=0), k("SequenceInsert", ["s1", "b", "z"], ["s2"]),
                           k("SequenceInsert", ["s2", "a"], ["s3"]), k("SequenceErase", ["s3", "z"], ["s4"]),
                           k("SequenceLength", ["s4"], ["n"]), k("ConcatFromSequence", ["s4"], ["y"], axis=0, new_axis=1)],
     {"a": x34, "b": floats(3, 4)}, ("y", "n"), kinds={"n": T.INT64})
case("sequence_split", 13, [k("Constant", [], ["l"], value_ints=[1, 3]), k("SplitToSequence", ["x", "l"], ["s"], axis=1),
                            k("Constant", [], ["i"], value_int=1), k("SequenceAt", ["s", "i"], ["y"])], {"x": x34})
case("sequence_split_step", 13, [k("Constant", [], ["l"], value_int=2), k("SplitToSequence", ["x", "l"], ["s"], axis=1),
                                 k("Constant", [], ["i"], value_int=1), k("SequenceAt", ["s", "i"], ["y"])], {"x": x34})
case("sequence_split_one", 13, [k("SplitToSequence", ["x"], ["s"], axis=0, keepdims=0),
                                k("Constant", [], ["i"], value_int=-1), k("SequenceAt", ["s", "i"], ["y"])], {"x": x34})
case("optional_18", 18, [k("OptionalHasElement", ["x"], ["h"]), k("OptionalGetElement", ["x"], ["y"])], {"x": x34}, ("y", "h"),
     kinds={"h": T.BOOL})

# Bodies: captured values and absent bounds.
scalar = lambda n, kind=T.FLOAT: h.make_tensor_value_info(n, kind, [])
body = h.make_graph([k("Add", ["acc", "x"], ["sum"]), k("Identity", ["sum"], ["out"]), k("Identity", ["c"], ["c_out"])], "body",
                    [scalar("i", T.INT64), scalar("c", T.BOOL), h.make_tensor_value_info("acc", T.FLOAT, [3, 4])],
                    [scalar("c_out", T.BOOL), h.make_tensor_value_info("out", T.FLOAT, [3, 4])])
case("loop_11_no_condition", 11, [k("Exp", ["x"], ["e"]), k("Loop", ["m", "", "e"], ["y"], body=body)], {"x": x34},
     initializers=[nh.from_array(np.array(3, I), "m")])
then = h.make_graph([k("Mul", ["e", "x"], ["t"])], "then", [], [h.make_tensor_value_info("t", T.FLOAT, [3, 4])])
other = h.make_graph([k("Sub", ["x", "e"], ["o"])], "else", [], [h.make_tensor_value_info("o", T.FLOAT, [3, 4])])
case("if_11_captures", 11, [k("Exp", ["x"], ["e"]), k("If", ["b"], ["y"], then_branch=then, else_branch=other)],
     {"x": x34, "b": np.array(False)})
step = h.make_graph([k("Add", ["s", "v"], ["s_out"]), k("Identity", ["s_out"], ["o"])], "step",
                    [h.make_tensor_value_info("s", T.FLOAT, [2]), h.make_tensor_value_info("v", T.FLOAT, [2])],
                    [h.make_tensor_value_info("s_out", T.FLOAT, [2]), h.make_tensor_value_info("o", T.FLOAT, [2])])
case("scan_8", 8, [k("Scan", ["", "init", "x"], ["last", "all"], body=step, num_scan_inputs=1)],
     {"init": floats(1, 2), "x": floats(1, 3, 2)}, ("last", "all"))
case("scan_8_backwards", 8, [k("Scan", ["", "init", "x"], ["last", "all"], body=step, num_scan_inputs=1, directions=[1])],
     {"init": floats(1, 2), "x": floats(1, 3, 2)}, ("last", "all"))

# Functions: attribute references and defaults, calls in calls, a body of another opset than the model's.
opset11, opset17 = h.make_opsetid("", 11), h.make_opsetid("", 17)
soft = h.make_function("local", "Soft", ["a"], ["b"], [k("Softmax", ["a"], ["b"])], [opset17], ["axis"])
soft.node[0].attribute.append(onnx.AttributeProto(name="axis", type=onnx.AttributeProto.INT, ref_attr_name="axis"))
older = h.make_function("local", "Older", ["a"], ["b"], [k("Softmax", ["a"], ["b"], axis=0)], [opset11])
scale = h.make_function("local", "Scale", ["a"], ["b"], [k("Constant", [], ["f"]), k("Mul", ["a", "f"], ["b"])], [opset17],
                        attribute_protos=[h.make_attribute("by", 3.0)])
scale.node[0].attribute.append(onnx.AttributeProto(name="value_float", type=onnx.AttributeProto.FLOAT, ref_attr_name="by"))
twice = h.make_function("local", "Twice", ["a"], ["b"], [k("Scale", ["a"], ["t"], domain="local"),
                        k("Scale", ["t"], ["b"], domain="local", by=0.5)], [opset17, h.make_opsetid("local", 1)])
call = lambda kind, *names, **attrs: k(kind, [names[0]], [names[1]], domain="local", **attrs)
case("function_attribute", 17, [call("Soft", "x", "y", axis=0)], {"x": x234}, functions=[soft])
case("function_of_older_opset", 17, [call("Older", "x", "y")], {"x": x234}, functions=[older], reference="softmax_11_axis0")
case("function_default", 17, [call("Scale", "x", "y")], {"x": x34}, functions=[scale])
case("function_nested", 17, [call("Twice", "x", "t"), call("Twice", "t", "y")], {"x": x34}, functions=[scale, twice])


def record(folder, name, model, inputs, outputs, reference):
    source = CASES[reference][0] if isinstance(reference, str) else model
    run = (ReferenceEvaluator(source) if reference is True
           else ort.InferenceSession(source.SerializeToString(), providers=["CPUExecutionProvider"]))
    results = run.run(outputs, inputs)
    with open(f"{folder}/{name}.txt", "w") as f:
        print("model", text(model), file=f)
        for key, value in inputs.items():
            print("input", text(nh.from_array(np.asarray(value), key)), file=f)
        for key, value in zip(outputs, results):
            print("output", text(nh.from_array(np.asarray(value), key)), file=f)


if __name__ == "__main__":
    ort.set_default_logger_severity(4)
    for name, (model, inputs, outputs, reference) in CASES.items():
        try:
            record(sys.argv[1], name, model, inputs, outputs, reference)
        except Exception as e:
            print("not recorded:", name, str(e)[:300])
    print(len(CASES), "cases")
