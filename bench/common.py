"""common.py: what the scripts here share: arrays in .npy files, documents with markers.  Needs Python alone."""
import argparse
import array
import ast
import math
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CODES = {"<f4": "f", "<f8": "d", "<i8": "q"}        # what read_npy() reads
SDC = os.path.join(HERE, "..", "build", "sdc")


def note(text):
    """Progress, beside what is printed as the result."""
    print(text, file=sys.stderr, flush=True)


def names(allowed):
    """The type of a command line argument: some of these, with commas between."""
    def read(text):
        chosen = text.split(",")
        wrong = [name for name in chosen if name not in allowed]
        if wrong:
            raise argparse.ArgumentTypeError(f"'{wrong[0]}' is none of {', '.join(allowed)}")
        return chosen
    return read


def replace_between(document, markers, text):
    """Puts text between two lines of the document and leaves the rest as it is."""
    with open(document) as file:
        before, rest = file.read().split(markers[0])
    after = rest.split(markers[1])[1]
    with open(document, "w") as file:
        file.write(before + markers[0] + "\n" + text + "\n" + markers[1] + after)


def write_npy(path, descr, shape, values):
    """values: an array.array of the type that descr names."""
    head = repr({"descr": descr, "fortran_order": False, "shape": tuple(shape)})
    head += " " * (-(len(head) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode())
        values.tofile(file)


def read_npy(path, descr="<f4"):
    """Shape and values of an array of float32, or of what descr names."""
    with open(path, "rb") as file:
        start = file.read(10)
        head = ast.literal_eval(file.read(int.from_bytes(start[8:10], "little")).decode())
        if start[:7] != b"\x93NUMPY\x01" or head["descr"] != descr or head["fortran_order"]:
            raise ValueError(f"{path}: not an array of {descr} in C order")
        values = array.array(CODES[descr], file.read())
    return head["shape"], values


def relative_rms(path, reference):
    """RMS of the difference over RMS of the reference; infinite where shapes differ or a value is not finite."""
    (shape, x), (wanted, y) = read_npy(path), read_npy(reference)
    if tuple(shape) != tuple(wanted) or not all(map(math.isfinite, x)):
        return math.inf
    difference = sum((a - b) * (a - b) for a, b in zip(x, y))
    return math.sqrt(difference / (sum(b * b for b in y) or 1.0))


def picture_difference(path, reference):
    """RMS of the difference of two pictures in -1..1, in levels of 0 to 255."""
    (shape, x), (wanted, y) = read_npy(path), read_npy(reference)
    if tuple(shape) != tuple(wanted) or not all(map(math.isfinite, x)):
        return math.inf
    return math.sqrt(sum((level(a) - level(b)) ** 2 for a, b in zip(x, y)) / len(y))


def level(value):
    return round(127.5 * (min(max(value, -1.0), 1.0) + 1.0))
