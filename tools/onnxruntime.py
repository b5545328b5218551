"""Puts the pinned ONNX Runtime library at .cache/onnxruntime/libonnxruntime.so.

The wheel is checked against tools/onnxruntime.txt and the library inside it
against tools/onnxruntime.sha256. The library appears under its final name only
once it is whole and checked; with the right library in place nothing happens.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
REQUIREMENTS = REPOSITORY / "tools" / "onnxruntime.txt"
HASHES = REPOSITORY / "tools" / "onnxruntime.sha256"
LIBRARY = REPOSITORY / ".cache" / "onnxruntime" / "libonnxruntime.so"

# One interpreter's wheel serves every host: only the library inside is used.
WHEEL_PYTHON = "312"


def expected_hash(machine):
    for line in HASHES.read_text().splitlines():
        digest, name = line.split()
        if name == machine:
            return digest
    raise SystemExit(
        f"no ONNX Runtime library is pinned for {machine}: add its wheel to {REQUIREMENTS} "
        f"and its hash to {HASHES}"
    )


def digest_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def download(machine, folder):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "-r", str(REQUIREMENTS)]
    command += ["--implementation", "cp", "--python-version", WHEEL_PYTHON]
    command += ["--abi", f"cp{WHEEL_PYTHON}", "--platform", f"manylinux_2_28_{machine}"]
    command += ["--dest", str(folder)]
    if subprocess.run(command).returncode != 0:
        raise SystemExit("could not download the onnxruntime wheel: pip's message is above")
    (wheel,) = folder.glob("onnxruntime-*.whl")
    return wheel


def unpack(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        (member,) = [name for name in archive.namelist() if "/capi/libonnxruntime.so" in name]
        unpacked = folder / "libonnxruntime.so"
        with archive.open(member) as source, unpacked.open("wb") as target:
            shutil.copyfileobj(source, target)
    return unpacked


def main():
    machine = platform.machine()
    expected = expected_hash(machine)
    if LIBRARY.exists() and digest_of(LIBRARY) == expected:
        return
    LIBRARY.parent.mkdir(parents=True, exist_ok=True)
    # The same folder, so that the last step is a rename within one file system.
    with tempfile.TemporaryDirectory(dir=LIBRARY.parent) as name:
        folder = Path(name)
        unpacked = unpack(download(machine, folder), folder)
        found = digest_of(unpacked)
        if found != expected:
            raise SystemExit(f"the wheel holds a library with SHA-256 {found}, {HASHES} pins {expected}")
        os.replace(unpacked, LIBRARY)
    print(f"ONNX Runtime library: {LIBRARY.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
