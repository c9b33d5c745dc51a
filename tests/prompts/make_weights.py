#!/usr/bin/env python3
"""Writes weights.txt: prompts and the pieces that AUTOMATIC1111's parse_prompt_attention makes of them.

    make_weights.py > weights.txt

The function below is written after the published behaviour of modules/prompt_parser.py.  A line is a JSON string, the prompt,
or, indented, a weight as Python prints it and a JSON string, a piece."""
import json
import random
import re

TOKEN = re.compile(r"\\\(|\\\)|\\\[|\\]|\\\\|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|]|[^\\()\[\]:]+|:")
BREAK = re.compile(r"\s*\bBREAK\b\s*", re.S)


def parse(text):
    pieces, rounds, squares = [], [], []

    def multiply(start, factor):
        for piece in pieces[start:]:
            piece[1] *= factor

    for match in TOKEN.finditer(text):
        token, weight = match.group(0), match.group(1)
        if token.startswith("\\"):
            pieces.append([token[1:], 1.0])
        elif token == "(":
            rounds.append(len(pieces))
        elif token == "[":
            squares.append(len(pieces))
        elif weight is not None and rounds:
            multiply(rounds.pop(), float(weight))
        elif token == ")" and rounds:
            multiply(rounds.pop(), 1.1)
        elif token == "]" and squares:
            multiply(squares.pop(), 1 / 1.1)
        else:
            for k, part in enumerate(BREAK.split(token)):
                if k:
                    pieces.append(["BREAK", -1])
                pieces.append([part, 1.0])
    for start in rounds:
        multiply(start, 1.1)
    for start in squares:
        multiply(start, 1 / 1.1)
    pieces = pieces or [["", 1.0]]
    k = 0
    while k + 1 < len(pieces):
        if pieces[k][1] == pieces[k + 1][1]:
            pieces[k][0] += pieces.pop(k + 1)[0]
        else:
            k += 1
    return pieces


PROMPTS = [
    "", "normal text", "an (important) word", "(unbalanced", r"\(literal\]", "(unnecessary)(parens)",
    "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).", "a [[b] c", "x ] y ) z", "(a:1.2) (b:-0.5)(c: 2 )", "(a:.5)(b:5.)(c:+1)",
    "a:b (c:d) :1.2)", r"back\\slash \a \[x\] \\(w\\)", "one BREAK two", "oneBREAKtwo BREAK", "BREAK", "(BREAK) a BREAK BREAK b",
    "a BREAK,b (x BREAK y:1.5)", "(:1.3)", "()", "[]", "(a:1.0)(b:1.0)", "((a:0.9):1.1) b", "été (ça:1.4) BREAK 漢字",
    "((((((((a))))))))", "[[[[[[[[a]]]]]]]]", "(a\nb:1.1)\tc", "(a:1.2", "(a::1.2)", "\\", "a\\", "([)]", "[(])", "(a [b (c:2)] d)",
]


def main():
    source = random.Random(1)
    parts = ["a", "red ", "(", ")", "[", "]", ":1.3)", ":0.7)", "\\(", "\\", "BREAK", " BREAK ", ":", ", ", "é", "(b:1.25)"]
    prompts = PROMPTS + ["".join(source.choices(parts, k=source.randrange(2, 14))) for _ in range(150)]
    for prompt in prompts:
        print(json.dumps(prompt, ensure_ascii=False))
        for text, weight in parse(prompt):
            print(f"    {float(weight)!r} {json.dumps(text, ensure_ascii=False)}")


if __name__ == "__main__":
    main()
