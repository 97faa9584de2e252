# Checks a safetensors file that Swift wrote with the reference implementation, and writes one for Swift to check.
"""Needs numpy and safetensors; ROOKERY_SAFETENSORS_SAMPLE is the file (Tests/NumericsTests/SafetensorsPythonTests.swift
writes it and runs this). The other file has the same path with `.python` appended. Runs as a script and under pytest.
"""

import os
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

SAMPLE = os.environ.get("ROOKERY_SAFETENSORS_SAMPLE")

EXPECTED = {
    "bytes": np.array([0, 127, 255], np.uint8),
    "layer.weight": np.array([[0, 1, -2], [0.5, np.inf, -0.1]], np.float32),
    "layer.bias": np.array(3.25, np.float32),
    "steps": np.array([-(2**63), 2**63 - 1], np.int64),
    "exact": np.array([[0.1, -1e300]], np.float64),
    "none": np.zeros((0, 4), np.float32),
}


def test_reads_what_swift_wrote():
    if SAMPLE is None:
        print("skipped: ROOKERY_SAFETENSORS_SAMPLE is not set")
        return
    tensors = load_file(SAMPLE)
    assert set(tensors) == set(EXPECTED), sorted(tensors)
    for name, expected in EXPECTED.items():
        found = tensors[name]
        assert found.dtype == expected.dtype, (name, found.dtype)
        assert found.shape == expected.shape, (name, found.shape)
        assert found.tobytes() == expected.tobytes(), (name, found)
    with safe_open(SAMPLE, framework="numpy") as file:
        metadata = file.metadata()
        checksum = metadata.pop("rookery.checksum")
        assert len(checksum) == 16 and int(checksum, 16) >= 0, checksum
        assert metadata == {"made_by": "rookery", "text": 'é "quoted" /x\\\n'}, metadata


def test_writes_for_swift():
    if SAMPLE is None:
        print("skipped: ROOKERY_SAFETENSORS_SAMPLE is not set")
        return
    tensors = {
        "a": np.array([[1, 2], [3, 4]], np.float32),
        "b": np.array([0.1], np.float64),
        "c": np.array(-7, np.int64),
        "d": np.array([9, 8, 7, 6, 5], np.uint8),
        "e": np.zeros(0, np.float32),
    }
    save_file(tensors, SAMPLE + ".python", metadata={"made_by": "python"})


if __name__ == "__main__":
    if SAMPLE is None:
        sys.exit("set ROOKERY_SAFETENSORS_SAMPLE to a file that Swift wrote")
    test_reads_what_swift_wrote()
    test_writes_for_swift()
