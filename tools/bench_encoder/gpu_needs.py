"""What a measurement on a GPU needs, looked for before anything is built or downloaded.

A need is `(what, found, how to get it)`; `found` is a sentence, or `None` where it is
missing.
"""

import ctypes
import glob
import os
import platform
import shutil
import subprocess

#: The libraries that ONNX Runtime's CUDA provider loads, of the versions that its pinned
#: wheel was built for; the wheels of tools/requirements-bench-gpu.txt bring them.
LIBRARIES = ["libcudart.so.12", "libcublasLt.so.12", "libcublas.so.12", "libcufft.so.11", "libcurand.so.10", "libcudnn.so.9"]
#: Of the driver, as `cuDriverGetVersion` counts: 12.0.
CUDA = 12000


def machine():
    """What cannot be installed with Python wheels."""
    driver = cuda_driver()
    return [
        ("an x86-64 processor", "yes" if platform.machine() == "x86_64" else None, "the pinned wheels are for it"),
        ("NVIDIA's driver", card(), "install it, so that `nvidia-smi` lists a GPU (in a container: --gpus all)"),
        ("a driver for CUDA 12 or later", driver, f"libcuda.so.1 must load and report {CUDA} or more"),
    ]


def card():
    if shutil.which("nvidia-smi") is None:
        return None
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    result = subprocess.run(query, capture_output=True, text=True)
    return result.stdout.strip().splitlines()[0] if result.returncode == 0 and result.stdout.strip() else None


def cuda_driver(name="libcuda.so.1"):
    try:
        library = ctypes.CDLL(name)
    except OSError:
        return None
    version, devices = ctypes.c_int(), ctypes.c_int()
    asked = [library.cuInit(0), library.cuDriverGetVersion(ctypes.byref(version))]
    asked.append(library.cuDeviceGetCount(ctypes.byref(devices)))
    if any(asked) or version.value < CUDA or devices.value < 1:
        return None
    return f"CUDA {version.value // 1000}.{version.value % 1000 // 10}, {devices.value} devices"


def libraries(folder):
    """CUDA's and cuDNN's own, from the wheels in that folder."""
    found = []
    for name in LIBRARIES:
        paths = glob.glob(str(folder / "nvidia" / "*" / "lib" / name))
        found.append((name, paths[0] if paths else None, "tools/requirements-bench-gpu.txt brings it"))
    return found


def environment(folder):
    """For this process's children: where the linker finds those libraries, and ONNX Runtime."""
    folders = sorted(glob.glob(str(folder / "nvidia" / "*" / "lib")))
    before = [one for one in os.environ.get("LD_LIBRARY_PATH", "").split(":") if one]
    runtime = sorted(glob.glob(str(folder / "onnxruntime" / "capi" / "libonnxruntime.so*")))
    if not runtime:
        raise SystemExit(f"{folder} holds no ONNX Runtime library: remove the folder and run again")
    return {"LD_LIBRARY_PATH": ":".join([*folders, *before]), "ORT_DYLIB_PATH": runtime[0], "PYTHONPATH": str(folder)}


def check(needs):
    """Ends the program, naming everything that is missing at once."""
    missing = [f"  {what}: {how}" for what, found, how in needs if not found]
    if missing:
        raise SystemExit("bench-gpu cannot run here. Missing:\n" + "\n".join(missing))
