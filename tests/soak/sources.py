# SPDX-License-Identifier: MIT
"""Gets the source package of a suite, through apt-get, without touching the system's lists."""
import subprocess
from pathlib import Path

LINE = "deb-src http://deb.debian.org/debian bookworm main\n"


def fetch(suite, scratch):
    """Returns {source: directory}. Raises CalledProcessError where there is no network."""
    directory = scratch / f"sources.{suite.source}"
    lists = directory / "lists"
    (lists / "partial").mkdir(parents=True)
    (directory / "sources.list").write_text(LINE)
    apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={directory}/sources.list", "-o",
           "Dir::Etc::sourceparts=-", "-o", f"Dir::State::lists={lists}", "-o",
           "APT::Sandbox::User=root"]
    for command in (["update"], ["source", "--only-source", suite.source]):
        subprocess.run([*apt, *command], cwd=directory, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, check=True)
    (tree,) = (entry for entry in Path(directory).iterdir()
               if entry.is_dir() and entry.name.startswith(f"{suite.source}-"))
    return {suite.source: tree}
