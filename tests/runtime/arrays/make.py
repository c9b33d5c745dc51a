"""Writes the files that test_arrays.c reads, each beside NAME.txt: what must be read from it.

Needs numpy, onnx and ml_dtypes; run by hand when a case is added.  The expected values come from those libraries:
"ok TYPE [SHAPE]" and one value a line, or "error EXITCODE words of the message".
"""
import io, struct, zipfile
import numpy as np
import ml_dtypes, onnx
from onnx import TensorProto as T, helper

NAMES = {"float32": "f32", "float64": "f64", "float16": "f16", "bool": "bool", "int8": "i8", "int16": "i16",
         "int32": "i32", "int64": "i64", "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64"}


def put(name, data, text):
    open(name, "wb").write(data)
    open(name + ".txt", "w").write(text)


def ok(values, kind):
    lines = [f"ok {kind} [{','.join(map(str, values.shape))}]"]
    for x in values.ravel(order="C").tolist():
        lines.append(repr(int(x)) if isinstance(x, (bool, int)) else "%.9g" % x)
    return "\n".join(lines) + "\n"


def npy(array, version=None):
    f = io.BytesIO()
    np.lib.format.write_array(f, array, version=version)
    return f.getvalue()


def raw_npy(header, data=b""):
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


rng = np.random.default_rng(3)
x = rng.standard_normal((2, 3, 4)).astype(np.float32)
for kind in NAMES:
    a = (x * 50).astype(kind) if kind[0] != "u" else np.abs(x * 50).astype(kind)
    put(f"{kind}.npy", npy(a), ok(a, NAMES[kind]))
f64 = np.array([1e300, -0.0, np.inf, -np.inf, np.nan])
put("special.npy", npy(f64), ok(f64, "f64"))
put("version2.npy", npy(x, (2, 0)), ok(x, "f32"))
put("version3.npy", npy(x, (3, 0)), ok(x, "f32"))
put("fortran.npy", npy(np.asfortranarray(x)), ok(x, "f32"))
i = np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3))
put("big_endian_fortran.npy", npy(i), ok(i, "i32"))
put("big_endian.npy", npy(x.astype(">f8")), ok(x.astype("f8"), "f64"))
put("scalar.npy", npy(np.array(7, np.int64)), ok(np.array(7), "i64"))
put("empty.npy", npy(np.zeros((3, 0, 2), np.float32)), "ok f32 [3,0,2]\n")
put("python2.npy", raw_npy("{'shape': (2L,), 'fortran_order': False, 'descr': '<u2'}\n", b"\1\0\2\0"), "ok u16 [2]\n1\n2\n")
put("object.npy", npy(np.array([{}, []], dtype=object)), "error 3 Python objects\n")
put("record.npy", npy(np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")])), "error 3 structured dtype\n")
put("complex.npy", npy(np.zeros(2, np.complex64)), "error 3 complex numbers\n")
put("unicode.npy", npy(np.array(["ab"])), "error 3 strings\n")
put("bytes.npy", npy(np.array([b"ab"])), "error 3 strings\n")
put("date.npy", npy(np.array(["2020-01-01"], "M8[D]")), "error 3 dates\n")
put("bfloat16.npy", npy(x.astype(ml_dtypes.bfloat16)), "error 3 raw bytes\n")
put("longdouble.npy", npy(np.zeros(2, np.longdouble)), "error 3 floats of an unusual width\n")
put("rank9.npy", npy(np.zeros((1,) * 9, np.float32)), "error 3 more than 8 axes\n")
put("short.npy", npy(x)[:-1], "error 2 holds 95 bytes\n")
put("long.npy", npy(x) + b"x", "error 2 holds 97 bytes\n")
put("nothing.npy", b"", "error 2 is no .npy file\n")
put("text.npy", b"hello, this is no array\n", "error 2 is no .npy file\n")
put("version9.npy", b"\x93NUMPY\x09\x00" + npy(x)[8:], "error 2 unknown .npy version\n")
H = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n"
put("huge.npy", raw_npy(H % ("<f4", "False", "(4611686018427387904, 4)")), "error 2 not what shape\n")
put("huge_zero.npy", raw_npy(H % ("<f4", "False", "(4611686018427387904, 4, 0)")), "ok f32 [4611686018427387904,4,0]\n")
put("overflow.npy", raw_npy(H % ("<f4", "False", "(99999999999999999999,)")), "error 2 shape cannot be read\n")
put("negative.npy", raw_npy(H % ("<f4", "False", "(-1,)")), "error 2 shape cannot be read\n")
put("number_shape.npy", raw_npy(H % ("<f4", "False", "(2)"), b"\0" * 8), "error 2 shape cannot be read\n")
put("twice.npy", raw_npy("{'shape': (1,), 'shape': (2,), 'descr': '<f4', 'fortran_order': False}"), "error 2 repeated key\n")
put("lacking.npy", raw_npy("{'shape': (1,), 'descr': '<f4'}"), "error 2 lacks\n")
put("order.npy", raw_npy(H % ("<f4", "1", "(1,)")), "error 2 neither True nor False\n")
put("tail.npy", raw_npy(H % ("<f4", "False", "(1,)") + "import os", b"\0" * 4), "error 2 tail\n")

# .npz: the test asks for member x
f = io.BytesIO(); np.savez(f, x=x, y=f64); stored = f.getvalue()
f = io.BytesIO(); np.savez_compressed(f, y=f64, x=np.zeros((30, 30), np.float16)); deflated = f.getvalue()
put("stored.npz", stored, ok(x, "f32"))
put("deflated.npz", deflated, ok(np.zeros((30, 30), np.float16), "f16"))
f = io.BytesIO(); np.savez(f, a=x, b=x); put("absent.npz", f.getvalue(), "error 2 it has a, b\n")
f = io.BytesIO()
with zipfile.ZipFile(f, "w") as z:
    import warnings
    warnings.simplefilter("ignore")
    z.writestr("x.npy", npy(x)); z.writestr("x.npy", npy(x))
put("double.npz", f.getvalue(), "error 2 more than once\n")
f = io.BytesIO()
with zipfile.ZipFile(f, "w", zipfile.ZIP_BZIP2) as z:
    z.writestr("x.npy", npy(x))
put("bzip2.npz", f.getvalue(), "error 3 does not write\n")
f = io.BytesIO()
with zipfile.ZipFile(f, "w") as z:
    z.comment = b"PK\5\6 a comment that looks like an end record"
    z.writestr("x.npy", npy(x))
put("comment.npz", f.getvalue(), ok(x, "f32"))
put("object.npz", (lambda g: (np.savez(g, x=np.array([None])), g.getvalue())[1])(io.BytesIO()), "error 3 Python objects\n")
at = stored.index(x.tobytes())
put("checksum.npz", stored[:at] + b"\xff" + stored[at + 1:], "error 2 wrong checksum\n")
put("cut.npz", stored[:-1], "error 2 cut short\n")
put("text.npz", b"hello", "error 2 no .npz file\n")

# ONNX tensors
def pb(name, dtype, values, raw, kind, expect=None, dims=None):
    dims = list(np.shape(values)) if dims is None else dims
    t = helper.make_tensor("t", dtype, dims, values.tobytes() if raw else values.ravel(), raw=raw)
    put(name + ".pb", t.SerializeToString(), expect or ok(onnx.numpy_helper.to_array(t).astype(
        {"f": np.float32, "i": np.int64, "u": np.int64, "b": bool}[kind[0]] if kind not in ("f64", "u64") else kind.replace("f", "float").replace("u", "uint")), kind))

for code, name in [(T.FLOAT, "f32"), (T.DOUBLE, "f64"), (T.INT8, "i8"), (T.INT16, "i16"), (T.INT32, "i32"),
                   (T.INT64, "i64"), (T.UINT8, "u8"), (T.UINT16, "u16"), (T.UINT32, "u32"), (T.UINT64, "u64"),
                   (T.BOOL, "bool"), (T.FLOAT16, "f16")]:
    kind = helper.tensor_dtype_to_np_dtype(code)
    v = (x * 50).astype(kind) if name[0] != "u" else np.abs(x * 50).astype(kind)
    pb(name + "_raw", code, v, True, name)
    pb(name + "_typed", code, v, False, name)
for code, name, kind in [(T.BFLOAT16, "bf16", ml_dtypes.bfloat16), (T.FLOAT8E4M3FN, "f8e4m3", ml_dtypes.float8_e4m3fn),
                         (T.FLOAT8E4M3FNUZ, "f8e4m3z", ml_dtypes.float8_e4m3fnuz),
                         (T.FLOAT8E5M2, "f8e5m2", ml_dtypes.float8_e5m2),
                         (T.FLOAT8E5M2FNUZ, "f8e5m2z", ml_dtypes.float8_e5m2fnuz)]:
    v = x.astype(kind)
    text = ok(v.astype(np.float32), name)
    put(name + "_raw.pb", helper.make_tensor("t", code, v.shape, v.tobytes(), raw=True).SerializeToString(), text)
    bits = v.view(np.uint16 if v.itemsize == 2 else np.uint8)
    t = T(data_type=code, dims=v.shape, int32_data=[int(b) for b in bits.ravel()])
    put(name + "_typed.pb", t.SerializeToString(), text)
for code, name, values in [(T.INT4, "i4", [-8, 7, -1, 0, 3]), (T.UINT4, "u4", [15, 0, 9, 1, 2]),
                           (T.FLOAT4E2M1, "f4e2m1", [0.5, -6, 1.5, 3, -0.0])]:
    v = np.array(values)
    codes = [int(c) & 15 for c in (v.astype(ml_dtypes.float4_e2m1fn).view(np.uint8) if name[0] == "f" else v)] + [0]
    packed = [codes[k] | codes[k + 1] << 4 for k in range(0, len(v), 2)]
    text = ok(v.astype(np.float32) if name[0] == "f" else v, name)
    put(name + "_raw.pb", T(data_type=code, dims=v.shape, raw_data=bytes(packed)).SerializeToString(), text)
    put(name + "_typed.pb", T(data_type=code, dims=v.shape, int32_data=packed).SerializeToString(), text)
for code, name, values in [(25, "u2", [3, 0, 2, 1, 3]), (26, "i2", [-2, 1, 0, -1, 1])]:
    codes = [c & 3 for c in values] + [0] * 3
    packed = [sum(codes[k + j] << 2 * j for j in range(4)) for k in (0, 4)]
    put(name + "_raw.pb", T(data_type=code, dims=[5], raw_data=bytes(packed)).SerializeToString(), ok(np.array(values), name))
v = np.array([0, 127, 1, 254], np.uint8)
put("f8e8m0_raw.pb", T(data_type=24, dims=[4], raw_data=v.tobytes()).SerializeToString(),
    "ok f8e8m0 [4]\n" + "".join("%.9g\n" % 2.0 ** (int(c) - 127) for c in v))
put("scalar.pb", T(data_type=1, float_data=[2.5]).SerializeToString(), "ok f32 []\n2.5\n")
put("empty.pb", T(data_type=1, dims=[2, 0]).SerializeToString(), "ok f32 [2,0]\n")
put("unpacked.pb", bytes([0x08, 2, 0x10, 1, 0x25]) + struct.pack("<f", 1.5) + b"\x25" + struct.pack("<f", -2), "ok f32 [2]\n1.5\n-2\n")
put("strings.pb", T(data_type=8, dims=[1], string_data=[b"a"]).SerializeToString(), "error 3 strings\n")
put("complex.pb", T(data_type=14, dims=[1], float_data=[1, 2]).SerializeToString(), "error 3 complex64\n")
put("external.pb", T(data_type=1, dims=[1], data_location=1).SerializeToString(), "error 3 another file\n")
put("unknown_type.pb", T(data_type=77, dims=[1]).SerializeToString(), "error 3 unknown ONNX data type 77\n")
put("no_type.pb", T(dims=[1]).SerializeToString(), "error 2 no data type\n")
put("raw_short.pb", T(data_type=1, dims=[2], raw_data=b"1234567").SerializeToString(), "error 2 needs 8 bytes, the tensor holds 7\n")
put("typed_short.pb", T(data_type=1, dims=[3], float_data=[1, 2]).SerializeToString(), "error 2 needs 3 values, the tensor holds 2\n")
put("negative.pb", T(data_type=1, dims=[-1], raw_data=b"").SerializeToString(), "error 2 is impossible\n")
put("huge.pb", T(data_type=1, dims=[2 ** 42 + 1, 2 ** 40], raw_data=b"1234").SerializeToString(), "error 2 is impossible\n")
put("large.pb", T(data_type=1, dims=[2 ** 42 + 1], raw_data=b"1234").SerializeToString(), "error 2 the tensor holds 4\n")
put("rank9.pb", T(data_type=1, dims=[1] * 9, float_data=[1]).SerializeToString(), "error 3 more than 8 axes\n")
put("nothing.pb", b"", "error 2 no data type\n")
put("text.pb", b"hello, this is no tensor\n", "error 2 no ONNX tensor\n")
put("group.pb", b"\x0b\x0c", "error 2 no ONNX tensor\n")
