# SPDX-License-Identifier: Apache-2.0
"""A control that is started again goes on with the Corefile that was taken last, as a reload would."""

import json
import os
import signal

PATIENCE_S = 60


def control(instance):
    """What status says of the process."""
    found, = (each for each in status(instance)["processes"] if each["name"] == "control")
    return found


def status(instance):
    """The whole of it."""
    return json.loads(instance.command("status", "--json").stdout)


def restart(instance):
    """Kills control and waits for the next one's word on the Corefile."""
    before = control(instance)
    os.kill(before["pid"], signal.SIGKILL)
    instance.until(lambda: control(instance)["starts"] > before["starts"] and control(instance)["running"], PATIENCE_S)


def goes_on(instance, name, ip):
    """A change in the API is still followed."""
    instance.service(name, ip)
    instance.until(lambda: ip in instance.answers(f"{name}.a.svc.cluster.local"), PATIENCE_S)


def refused(instance):
    """The reason that status has."""
    state = status(instance)["corefile"]
    return state["reason"] if "refused" in state["state"] else None


def test_a_new_port_is_refused_as_a_reload_refuses_it(instance):
    path = instance.folder / "Corefile"
    old = path.read_text()
    goes_on(instance, "before", "10.96.0.1")
    path.write_text(old + ".:1 {\n bind 127.0.0.1\n whoami\n}\n")
    reload = instance.command("reload")
    assert reload.returncode == 1 and "127.0.0.1 port 1 is new" in reload.stderr
    restart(instance)
    reason = instance.until(lambda: refused(instance), PATIENCE_S)
    assert reason in reload.stderr
    goes_on(instance, "after", "10.96.0.2")
    assert refused(instance) == reason
    assert "port 1" not in json.dumps(status(instance)["rules"])
    path.write_text(old.replace("kubernetes", "errors\n kubernetes"))
    assert instance.command("reload").returncode == 0
    assert status(instance)["corefile"] == {"state": "in force"}
    restart(instance)
    goes_on(instance, "later", "10.96.0.3")
    assert status(instance)["corefile"] == {"state": "in force"}


def test_a_broken_corefile_does_not_keep_control_from_starting(instance):
    path = instance.folder / "Corefile"
    old = path.read_text()
    path.write_text(old + "nonsense {\n")
    restart(instance)
    assert "Corefile" in instance.until(lambda: refused(instance), PATIENCE_S)
    goes_on(instance, "after", "10.96.0.2")
    # A place that is in the file again is one that sockets were made for.
    path.write_text(old)
    assert instance.command("reload").returncode == 0
    assert status(instance)["corefile"] == {"state": "in force"}


def test_a_corefile_that_waits_for_its_cluster_says_so(instance):
    path = instance.folder / "Corefile"
    old = path.read_text()
    goes_on(instance, "web", "10.96.0.1")
    path.write_text(old.replace(instance.api.url, "http://127.0.0.1:9"))
    done = instance.command("reload", "--wait", "1")
    assert done.returncode == 0 and "taken" in done.stdout
    assert "rules of the old one are served" in status(instance)["corefile"]["state"]
    log = (instance.folder / "log").read_text()
    assert "waits for the objects of its clusters" in log
    assert "10.96.0.1" in instance.answers("web.a.svc.cluster.local")
    path.write_text(old)
    assert instance.command("reload").returncode == 0
    instance.until(lambda: status(instance)["corefile"] == {"state": "in force"}, PATIENCE_S)
