# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bodies of requests: records of Debian's iso-codes, as many as fit into a size."""

import glob
import json
import random

DIRECTORY = "/usr/share/iso-codes/json"
SIZES = {"200 B": 200, "4 KiB": 4 << 10, "64 KiB": 64 << 10, "1 MiB": 1 << 20}
QUERY = "records[?scope=='M' || type=='County'].{code: code || alpha_3, name: name}"


def _records():
    records = []
    for name in sorted(glob.glob(f"{DIRECTORY}/iso_*.json")):
        with open(name, encoding="utf-8") as file:
            for values in json.load(file).values():
                records += values
    random.Random(1).shuffle(records)
    return records


def make():
    """{label of a size: body}"""
    texts = [json.dumps(record, ensure_ascii=False).encode() for record in _records()]
    bodies = {}
    for label, size in SIZES.items():
        chosen, room = [], size - len(b'{"records": []}')
        for text in texts:
            if len(text) + 2 > room:
                continue
            chosen.append(text)
            room -= len(text) + 2
        bodies[label] = b'{"records": [' + b", ".join(chosen) + b"]}"
    return bodies


def expected_answer(body):
    """What the query answers, as Python finds it."""
    return [
        {"code": record.get("code") or record.get("alpha_3"), "name": record.get("name")}
        for record in json.loads(body)["records"]
        if record.get("scope") == "M" or record.get("type") == "County"
    ]
