"""The executable that measures, built, and the library that it loads."""

import os

import kernel


def build():
    """Path of the executable."""
    return kernel.build(["cargo", "build", "--release", "--bench", "encoder"], "encoder")


def library():
    """ONNX Runtime's, as `make onnxruntime` provides it."""
    default = kernel.REPOSITORY / ".cache" / "onnxruntime" / "libonnxruntime.so"
    return os.environ.get("ORT_DYLIB_PATH") or str(default)
