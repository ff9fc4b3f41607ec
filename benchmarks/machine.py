"""What a measurement depends on beside the code: the machine, and the versions of what was measured."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "scipy", "scikit-learn", "tensorflow", "tensorflow-cpu", "keras")
CPU_FLAGS = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")


def describe_machine() -> dict[str, Any]:
    """The processor, its cores, those of CPU_FLAGS that it has, and the operating system."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8", "replace").splitlines() if cpuinfo.exists() else []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = fields.get("flags", "").split()
    return {
        "cpu": fields.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "flags": [flag for flag in CPU_FLAGS if flag in flags],
        "system": f"{platform.system()} {platform.machine()}",
    }


def describe_versions() -> dict[str, str]:
    """Python's version and those of the PACKAGES that are installed; tensorflow-cpu is TensorFlow."""
    return {"python": platform.python_version()} | {
        package.removesuffix("-cpu"): found.version
        for package in PACKAGES
        for found in importlib.metadata.distributions(name=package)
    }
