"""What the figures were measured on and with."""

import ctypes
import datetime
import os
import platform
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def pin():
    """This process and those it starts stay on one core."""
    if hasattr(os, "sched_setaffinity"):
        core = max(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {core})


def last_level_cache():
    """Bytes of the largest cache the kernel reports; 32 MiB where it reports none."""
    sizes = [path.read_text().strip() for path in CACHES.glob("index*/size")]
    units = {"K": 1 << 10, "M": 1 << 20}
    return max((int(size[:-1]) * units[size[-1]] for size in sizes), default=32 << 20)


def available_memory():
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return None


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def operating_system():
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        name = platform.system()
    return f"{name}, Linux {platform.release()}" if platform.system() == "Linux" else name


def output_of(*command):
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else ""


def crate(version):
    """Version and last commit of the crate, and whether it was changed since."""
    folder = "crates/set-similarity"
    commit = output_of("git", "log", "-1", "--format=%h", "--", folder)
    changed = output_of("git", "status", "--porcelain", "--", folder)
    return f"{version}, commit {commit or 'unknown'}{' with changes' if changed else ''}"


def blas():
    """NumPy's BLAS, and the code it chose for this processor where it tells."""
    import numpy

    library = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    name = f"{library['name']} {library['version']}"
    for path in Path(numpy.__file__).parent.parent.glob("numpy.libs/*openblas*"):
        core = getattr(ctypes.CDLL(str(path)), "scipy_openblas_get_corename64_", None)
        if core:
            core.restype = ctypes.c_char_p
            name += f" ({core().decode()})"
    return name


def describe(about, command):
    """`{what: which}` in the order it is shown."""
    from importlib.metadata import version

    cache = last_level_cache() / (1 << 20)
    return {
        "Processor": f"{processor()}, {os.cpu_count()} cores, last-level cache {cache:.0f} MiB",
        "System": operating_system(),
        "Kernel": f"{about['kernel']}, chosen at run time",
        "set-similarity": crate(about["version"]),
        "Compiler": output_of("rustc", "--version"),
        "Python": f"{platform.python_version()}, one thread",
        "NumPy": f"{version('numpy')} with {blas()}",
        "SciPy": version("scipy"),
        "lapx": version("lapx"),
        "Date": datetime.date.today().isoformat(),
        "Command": f"`{command}`",
    }
