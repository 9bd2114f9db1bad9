"""Helps lldb to find its own Python module.

Debian 12's lldb looks for it in a folder that is not there (`lldb -P` prints it), and then knows no
Python at all. PYTHONPATH tells it where the package has put the module.
"""

import glob
import os
import subprocess


def lldb_environment(env, lldb="lldb"):
    """The environment for lldb, with PYTHONPATH where that is needed."""
    printed = subprocess.run(
        [lldb, "-P"], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    lines = printed.stdout.decode("utf-8", "replace").splitlines()
    if lines and os.path.isdir(os.path.join(lines[0], "lldb")):
        return env
    version = subprocess.run(
        [lldb, "--version"], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    version = version.stdout.decode("utf-8", "replace")
    major = version.split("version ")[-1].split(".")[0]
    folders = glob.glob("/usr/lib/llvm-%s/lib/python3*/*-packages" % major)
    folders = [folder for folder in folders if os.path.isdir(os.path.join(folder, "lldb"))]
    if not folders:
        return env
    before = [env["PYTHONPATH"]] if env.get("PYTHONPATH") else []
    # Its Python is the system's, whatever other python3 is first in PATH.
    return dict(env, PYTHONPATH=os.pathsep.join(folders + before), PYTHONHOME="/usr")
