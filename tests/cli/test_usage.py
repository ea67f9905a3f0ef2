# SPDX-License-Identifier: Apache-2.0
"""What is wrong on a command line is refused by every command in one manner, with its name and where the help is."""

import pytest

from played import refused
from test_man import commands

# Words that a command takes besides options.
WORDS = {"check": ["Corefile"], "query": ["a.example", "A"], "diff": ["live", "live"], "history": ["a.example"],
         "nic": ["list"], "compare": ["--a", "127.0.0.1", "--b", "127.0.0.1", "live"], "setup": ["0000:01:00.0"],
         "run": ["--port", "none", "--conf", "Corefile"]}


@pytest.mark.parametrize("command", commands())
def test_an_option_that_is_not_there_is_refused(command):
    assert any("-nonsense" in line for line in refused(command, "--nonsense"))


@pytest.mark.parametrize("command", commands())
def test_a_word_too_many_is_refused(command):
    refused(command, *WORDS.get(command, []), "surplus")


@pytest.mark.parametrize("words", [
    ["status", "--watch=0"], ["status", "--watch=x"], ["status", "--watch=99999999999999999999"], ["status", "--run-dir"],
    ["top", "--seconds", "0"], ["top", "--limit", "-1"], ["top", "--limit", "1x"], ["reload", "--wait", "x"],
    ["drain", "--wait", "1.5"], ["history", "--limit", ""], ["capture", "--sample", "0"], ["capture", "--name", "a..b"],
    ["capture", "--client", "300.0.0.1"], ["query"], ["query", "a", "NONSENSE"], ["query", "a..b"],
    ["query", "a", "--address", "x"], ["query", "a", "--dump", "x"], ["dump", "--conf", "x"], ["diff", "live"],
    ["compare"], ["compare", "--a", "127.0.0.1", "--b", "127.0.0.1", "--qps", "0"], ["check", "--port", "0"],
    ["setup", "--memory", "many"], ["nic"], ["nic", "dance"], ["nic", "explain"], ["nic", "explain", "x", "--memory", "-1"],
    ["nodelocal"], ["run"], ["run", "--port", "none"], ["run", "--port", "none", "--conf", "x", "--workers", "0"]])
def test_a_value_that_makes_no_sense_is_refused(words):
    refused(*words)
