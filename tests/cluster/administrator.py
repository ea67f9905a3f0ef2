# SPDX-License-Identifier: Apache-2.0
"""Somebody with kubectl and the cluster's rights, who does what the documents say."""

import os
import subprocess

import documents
import lab
import tools


class Administrator:
    """Runs commands with our kubectl and burst53; other programs can be put in front of the system's, too."""

    def __init__(self, cluster, programs, folder=tools.TOP):
        self.cluster, self.programs, self.folder = cluster, programs, folder
        programs.mkdir()
        for program in (tools.BIN / "kubectl", lab.BUILD / "cli" / "burst53"):
            (programs / program.name).symlink_to(program)
        self.env = {**os.environ, "KUBECONFIG": str(cluster.admin), "PATH": f"{programs}:{os.environ['PATH']}",
                    "KUBECACHEDIR": str(programs / "cache")}

    def add_program(self, name, text):
        """A script of that name."""
        (self.programs / name).write_text(text, encoding="utf-8")
        (self.programs / name).chmod(0o755)

    def do(self, *words):
        """One command."""
        return subprocess.run(words, env=self.env, cwd=self.folder, capture_output=True, text=True, check=False, timeout=240)

    def block(self, marker):
        """All blocks of the documents with a marker; what they print."""
        blocks = documents.blocks(tools.TOP, marker)
        assert blocks, marker
        printed = ""
        for _, text in blocks:
            done = self.do("bash", "-euo", "pipefail", "-c", text)
            assert done.returncode == 0, done.stdout + done.stderr
            printed += done.stdout
        return printed
