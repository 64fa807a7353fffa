"""More of the story that booted_cases.py begins: users' own systemd, recipes, the package's later life."""

import subprocess

from blocks import blocks
from booted import ALICE, HOST, USER
from system import HERE, wait_for

RECIPES = HERE.parents[1] / "doc/recipes"


def as_alice(box, command):
    """COMMAND in a login of hers, as far as systemd is concerned."""
    return box.run("sh", "-c", command, uid=ALICE,
                   XDG_RUNTIME_DIR="/run/user/%d" % ALICE)


def setup_enables_the_users_timer(box):
    done = box.run("loginctl", "enable-linger", "alice")
    box.ok(done.returncode == 0 and wait_for(
        lambda: box.state("user@%d.service" % ALICE) == "active", 30),
           "a user's own systemd runs", (done, box.journal("--unit=user@%d.service" % ALICE)))
    done = as_alice(box, "echo '%s' | sendoff setup %s --host %s --user %s --password-file "
                    "/dev/stdin --store file --timer --test-to none" % (
                        box.password, USER, HOST, USER))
    box.ok(done.returncode == 0, "setup makes an account and enables the timer", done)
    said = as_alice(box, "systemctl --user is-enabled sendoff-queue.timer; "
                    "systemctl --user is-active sendoff-queue.timer")
    box.ok(said.stdout.split() == ["enabled", "active"], "it is enabled, and waits", said)
    box.smarthost_down()
    done = as_alice(box, "sendoff --queue --to bob@example.net --subject mine --body x")
    box.ok(done.returncode == 0, "the user's message is kept", done)
    box.smarthost_up()
    as_alice(box, "mkdir -p ~/.config/systemd/user/sendoff-queue.timer.d && printf '[Timer]\\n"
             "RandomizedDelaySec=0\\nAccuracySec=100ms\\nOnActiveSec=1s\\nOnUnitActiveSec=1s\\n' "
             ">~/.config/systemd/user/sendoff-queue.timer.d/fast.conf; systemctl --user "
             "daemon-reload; systemctl --user restart sendoff-queue.timer; sendoff queue hold; "
             "sendoff queue release")
    good, found = box.arrived("mine", seconds=60)
    box.ok(good, "the user's timer has it sent",
           (found, as_alice(box, "systemctl --user status sendoff-queue.service; sendoff queue")))
    done = as_alice(box, "systemctl --user start sendoff-login.service")
    box.ok(done.returncode == 0, "the user's sendoff-login.service runs", done)


def follow(box, name, lines):
    """Does what the blocks of recipe NAME say that begin with one of LINES, or are files so called."""
    for block in blocks((RECIPES / name).read_text()):
        if block.kind == "file" and block.path in lines:
            box.system.write(block.path, block.text(), block.mode)
        elif block.kind == "run":
            for who, command in block.commands:
                if command.startswith(tuple(lines)):
                    done = as_alice(box, command) if who == "alice" else box.run("sh", "-c", command)
                    box.ok(done.returncode == 0, "recipe %s: %s" % (name, command), done)


def a_unit_fails(box):
    """The recipe systemd, word by word."""
    follow(box, "systemd", (
        "/etc/systemd/system/mail-failure@.service", "/etc/sendoff/failure",
        "/etc/sendoff/secrets/smtp", "/etc/systemd/system/service.d/50-mail-failure.conf", "mkdir",
        "ln", "systemctl"))
    box.system.write("/etc/systemd/system/backup.service",
                     "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo disk is full; exit 3'\n")
    box.systemctl("daemon-reload")
    done = box.systemctl("start", "backup.service")
    found = box.arrivals(1)
    box.ok(done.returncode and [subject for subject, _ in found] == [
        "backup.service has failed on box"] and b"disk is full" in found[0][1][1],
           "its failure is mailed, with what it has said",
           (found, box.journal("--unit=mail-failure@backup.service.service")))
    box.ok("failed" not in box.state("mail-failure@backup.service.service"), "by a unit that worked")


def the_laptop(box):
    """What the recipe has systemd and NetworkManager do."""
    follow(box, "laptop", ("/etc/NetworkManager", "systemctl"))
    hooks = [block for block in blocks((RECIPES / "laptop").read_text())
             if block.kind == "file" and "NetworkManager" in block.path]
    box.smarthost_down()
    done = as_alice(box, "sendoff --queue --to bob@example.net --subject offline --body x")
    box.ok(done.returncode == 0, "recipe laptop: kept", done)
    box.smarthost_up()
    for block in hooks:
        box.system.write(block.path, block.text(), block.mode)
        done = box.run(block.path, "wlan0", "up")
        box.ok(done.returncode == 0, "recipe laptop: " + block.path, done)
    good, found = box.arrived("offline")
    box.ok(good, "it is sent when the network is there", (found, done))


def next_version(box):
    """The same package, as a later version of it."""
    tree = box.stage / "next"
    subprocess.run(["dpkg-deb", "--raw-extract", box.package, tree], check=True)
    control = tree / "DEBIAN/control"
    text = control.read_text()
    version = text.split("\nVersion: ")[1].split("\n")[0]
    control.write_text(text.replace("\nVersion: " + version, "\nVersion: %s.1" % version))
    made = box.stage / "next.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, made], check=True,
                   stdout=subprocess.DEVNULL)
    return made


def upgraded(box):
    box.smarthost_down()
    # root's: alice has an account and a queue of her own by now
    box.submit("before the upgrade", uid=0)
    before = box.system.path("/etc/sendoff/config").read_text()
    pid = box.systemctl("show", "--value", "--property=MainPID", "sendoff.service").stdout
    done = box.system.install(next_version(box))
    box.ok(done.returncode == 0, "the next version is installed over it", done.stdout + done.stderr)
    box.ok(box.system.path("/etc/sendoff/config").read_text() == before, "the configuration stays")
    after = box.systemctl("show", "--value", "--property=MainPID", "sendoff.service").stdout
    box.ok(after.strip() not in ("0", pid.strip()), "the service is restarted", (pid, after))
    box.ok(box.systemctl("is-enabled", "sendoff-queue.timer").stdout.strip() == "disabled",
           "what was not enabled is not enabled now")
    said = box.run("mailq").stdout
    box.ok("bob@example.net" in said, "the queue is as it was", said)


def removed(box):
    done = box.run("dpkg", "--remove", "sendoff")
    box.ok(done.returncode == 0, "it can be removed", done.stdout + done.stderr)
    box.ok(box.state("sendoff.service") != "active" and box.state("sendoff.socket") != "active",
           "neither service nor socket is left")
    box.ok(not box.run("ps", "-C", "sendoff").stdout.splitlines()[1:], "nor a process",
           box.run("ps", "-C", "sendoff", "-f").stdout)
    kept = box.run("sh", "-c", "ls /etc/sendoff/config /etc/sendoff/secrets/default && "
                   "find /var/spool/sendoff && find /var/spool/sendoff/queue -type f | grep -q .")
    box.ok(kept.returncode == 0, "configuration, password and the mail in the queue stay", kept)
    for hook in ("/etc/network/if-up.d/sendoff",):
        path = box.system.path(hook)
        done = box.run("sh", "-c", "[ ! -e %s ] || %s" % (hook, hook))
        box.ok(done.returncode == 0, "a hook that stays does no harm", (path, done))
    box.smarthost_up()
    done = box.system.install(box.package)
    box.ok(done.returncode == 0, "it can be installed again", done.stdout + done.stderr)
    done = box.run("sendoff", "queue", "flush")
    good, found = box.arrived("before the upgrade")
    box.ok(good, "and what was in the queue is sent, once", (done, found))


def purged(box):
    # what the recipes put there is the administrator's
    box.run("rm", "-f", "/etc/sendoff/failure", "/etc/NetworkManager/dispatcher.d/51-sendoff-users")
    done = box.run("dpkg", "--purge", "sendoff")
    box.ok(done.returncode == 0, "it can be purged", done.stdout + done.stderr)
    left = box.run("sh", "-c", "find /etc /var /run /usr -xdev -name '*sendoff*' ! -path '/usr/share/*'"
                   " ! -path '/var/tmp/*'").stdout
    box.ok(left.split() == [], "nothing of it is left", left)
    failed = box.run("systemctl", "--failed", "--plain", "--no-legend").stdout
    box.ok("sendoff" not in failed, "systemd has nothing to complain about", failed)


ALL = (setup_enables_the_users_timer, a_unit_fails, the_laptop, upgraded, removed, purged)
