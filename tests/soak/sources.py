# SPDX-License-Identifier: MIT
"""Gets a suite's source package, through apt-get, without touching the system's lists."""
import subprocess

LINE = "deb-src http://deb.debian.org/debian bookworm main\n"


def fetch(source, directory):
    """Returns the tree of a source package in directory, which keeps it for the next time.

    Raises CalledProcessError where there is no network.
    """
    def trees():
        return [entry for entry in directory.glob(f"{source}-*")
                if (entry / "debian").is_dir()]

    if not trees():
        lists = directory / "lists"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        (directory / "sources.list").write_text(LINE)
        apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={directory}/sources.list",
               "-o", "Dir::Etc::sourceparts=-", "-o", f"Dir::State::lists={lists}", "-o",
               "APT::Sandbox::User=root"]
        for command in (["update"], ["source", "--only-source", source]):
            subprocess.run([*apt, *command], cwd=directory, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, check=True)
    (tree,) = trees()
    return tree
