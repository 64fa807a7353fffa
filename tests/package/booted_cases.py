"""What is done with the package where systemd runs. The cases tell one story, in this order."""

import json

from booted import ALICE, HOST, PASSWORD, USER
from system import recipients, wait_for

SECRET = "/etc/sendoff/secrets/default"
UNITS = ("sendoff.service", "sendoff.socket", "sendoff-queue.service", "sendoff-queue.timer",
         "sendoff-login.service", "sendoff-login.timer")


def the_package_is_installed(box):
    done = box.system.install(box.package)
    box.ok(done.returncode == 0, "with systemd: the package can be installed",
           done.stdout + done.stderr)
    for unit, wanted in (("sendoff.socket", "enabled"), ("sendoff.service", "enabled"),
                         ("sendoff-queue.timer", "disabled"), ("sendoff-login.timer", "enabled")):
        said = box.systemctl("is-enabled", unit).stdout.strip()
        box.ok(said == wanted, "%s is %s" % (unit, wanted), said)
    for unit in "sendoff.socket", "sendoff.service", "sendoff-login.timer":
        box.ok(box.state(unit) == "active", unit + " is active",
               box.systemctl("status", unit).stdout)
    done = box.run("sh", "-c", "ls /etc/systemd/user/*.wants 2>/dev/null")
    box.ok("sendoff" not in done.stdout, "nobody's own systemd is told to run the queue", done)


def units_are_sound(box):
    """As systemd-analyze judges them: 25 of 100 is well protected."""
    for unit in UNITS:
        done = box.run("systemd-analyze", "verify", "--man=no", unit)
        box.ok(done.returncode == 0 and not done.stderr, "systemd-analyze verify %s" % unit,
               done.stderr)
    for unit in "sendoff-queue", "sendoff-login":
        for kind in "service", "timer":
            done = box.run("systemd-analyze", "verify", "--user", "--man=no",
                           "/usr/lib/systemd/user/%s.%s" % (unit, kind), XDG_RUNTIME_DIR="/tmp")
            box.ok(done.returncode == 0 and not done.stderr,
                   "systemd-analyze verify --user %s.%s" % (unit, kind), done.stderr)
    for unit in "sendoff.service", "sendoff-queue.service", "sendoff-login.service":
        done = box.run("systemd-analyze", "security", "--threshold=25", unit)
        box.ok(done.returncode == 0, "systemd-analyze security %s" % unit, done.stdout)


def configure(box, *lines):
    text = ("[defaults]\nsubmit = service\nlog = syslog\n\n[account default]\nhost = %s\nuser = %s\n"
            "from = %s\n" % (HOST, USER, USER))
    lines = lines or ("password-file = " + SECRET,)
    box.system.write("/etc/sendoff/config", text + "".join(line + "\n" for line in lines))


def the_first_submission_starts_the_service(box):
    configure(box)
    box.run("install", "-o", "sendoff", "-g", "sendoff", "-m", "600", "/dev/stdin", SECRET,
            stdin=PASSWORD + "\n")
    box.run("useradd", "--create-home", "--shell", "/bin/sh", "--uid", str(ALICE), "alice")
    box.system.write("/etc/cron.d/test", "* * * * * root [ -e /run/of-root ] || "
                     "echo output of root; touch /run/of-root\n* * * * * alice "
                     "[ -e /tmp/of-alice ] || echo output of alice; touch /tmp/of-alice\n")
    done = box.submit("before all")
    good, found = box.arrived("before all")
    box.ok(done.returncode == 0 and good, "as soon as there is an account a message is sent",
           (done, found))
    box.systemctl("stop", "sendoff.service")
    box.ok(box.state("sendoff.service") == "inactive" and box.state("sendoff.socket") == "active",
           "the service can be stopped, and its socket listens")
    done = box.submit("first", to="first@example.net")
    box.ok(done.returncode == 0 and done.stdout == done.stderr == "",
           "a user's sendmail submits through the socket", done)
    good, found = box.arrived("first")
    box.ok(good, "it is at the smarthost", found)
    box.ok(box.state("sendoff.service") == "active", "the service was started for it")
    owner = box.run("ps", "-C", "sendoff", "-o", "user=").stdout.split()
    box.ok(owner and set(owner) == {"sendoff"}, "systemd runs it as the user sendoff", owner)


def the_journal_tells_it(box):
    def records(words):
        lines = box.run("journalctl", "--quiet", "--unit=sendoff.service", "--output=json").stdout
        return [record for record in map(json.loads, lines.splitlines())
                if words in record["MESSAGE"]]
    wait_for(lambda: records("first@example.net"))
    found = records("first@example.net")
    box.ok([(record["PRIORITY"], record["SYSLOG_FACILITY"], record["SYSLOG_IDENTIFIER"])
            for record in found] == [("6", "2", "sendmail")],
           "the journal has one record of it: of sendmail, mail.info", found)
    done = box.submit("no", to="permfail@example.net")
    wait_for(lambda: records("permfail@example.net"))
    found = records("permfail@example.net")
    box.ok(done.returncode == 67 and [record["PRIORITY"] for record in found] == ["3"],
           "of a refusal too: mail.err", (done, found))


def what_cannot_go_waits(box):
    box.smarthost_down()
    for subject in "waits", "waits too":
        done = box.submit(subject)
        box.ok(done.returncode == 0 and done.stderr == "",
               "with the smarthost down a message is kept", done)
    said = box.run("mailq", uid=ALICE).stdout
    box.ok(said.count("bob@example.net") == 2, "mailq shows both to the user", said)
    box.smarthost_up()
    done = box.run("run-parts", "--exit-on-error", "/etc/network/if-up.d", IFACE="eth0", MODE="start")
    good, found = box.arrived("waits", "waits too")
    box.ok(done.returncode == 0 and good, "they leave when a network interface comes up",
           (done, found))
    def records():
        return [line for line in box.journal("--unit=sendoff.service").splitlines()
                if line.startswith("event=sent ")]
    wait_for(lambda: len(records()) >= 2)
    box.ok(len(records()) == len(set(records())), "the journal has each record of the queue once",
           records())
    for hook, words in (("/usr/lib/NetworkManager/dispatcher.d/50-sendoff", ("wlan0", "up")),
                        ("/usr/lib/networkd-dispatcher/routable.d/50-sendoff", ())):
        box.smarthost_down()
        box.submit("waits for " + hook)
        box.smarthost_up()
        done = box.run(hook, *words)
        good, found = box.arrived("waits for " + hook)
        box.ok(done.returncode == 0 and good, "when %s is called" % hook, (done, found))
    box.smarthost_down()
    box.submit("for a reload")
    box.smarthost_up()
    done = box.systemctl("reload", "sendoff.service")
    good, found = box.arrived("for a reload")
    box.ok(done.returncode == 0 and good, "and when the service is reloaded", (done, found))


def the_service_is_restarted(box):
    box.smarthost_up("--delay", "1500")
    process = box.system.start_as(ALICE, "sendmail", "-i", "bob@example.net",
                                  stdin="Subject: under way\n\nhello\n")
    wait_for(lambda: box.smarthost.heard("MAIL FROM"))
    box.ok(process.poll() is None, "a submission is under way", box.smarthost.said.read_text())
    done = box.systemctl("restart", "sendoff.service")
    box.ok(done.returncode == 0, "the service can be restarted meanwhile", done)
    good, found = box.arrived("under way")
    box.ok(process.wait(60) == 0 and good, "the submission comes to its end, once",
           (found, process.returncode))
    box.smarthost_up()
    box.systemctl("kill", "--signal=KILL", "--kill-who=main", "sendoff.service")
    done = box.submit("behind the kill")
    good, found = box.arrived("behind the kill", seconds=60)
    box.ok(done.returncode == 0 and good, "one that comes while it was killed waits for it",
           (done, found))


def the_configuration_changes(box):
    configure(box, "password-file = " + SECRET, "from-name = The box", "sender = force",
              "ehlo-name = changed.example.org")
    box.systemctl("reload", "sendoff.service")
    box.submit("changed")
    box.arrived("changed")
    box.ok(box.smarthost.heard("EHLO changed.example.org"), "a reload takes the new configuration",
           box.smarthost.said.read_text())
    box.system.write("/etc/sendoff/config", "[account default]\nhots = typo\n")
    box.systemctl("reload", "sendoff.service")
    box.ok(wait_for(lambda: "hots" in box.journal("--unit=sendoff.service")) and
           box.state("sendoff.service") == "active",
           "a mistake in it is told in the journal, and the service goes on",
           box.journal("--unit=sendoff.service"))
    configure(box)
    box.systemctl("reload", "sendoff.service")


def credentials(box):
    drop_in = "/etc/systemd/system/sendoff.service.d/credential.conf"
    box.run("install", "-m", "600", "/dev/stdin", "/etc/smtp-password", stdin=PASSWORD + "\n")
    box.run("rm", SECRET)
    configure(box, "password-credential = smtp")
    for how, line in (("plain", "LoadCredential=smtp:/etc/smtp-password"),
                      ("sealed", "LoadCredentialEncrypted=smtp:/etc/smtp-sealed")):
        if how == "sealed":
            done = box.run("systemd-creds", "encrypt", "--with-key=host", "--name=smtp",
                           "/etc/smtp-password", "/etc/smtp-sealed")
            box.ok(done.returncode == 0, "systemd-creds seals a password", done)
            box.run("rm", "/etc/smtp-password")
        box.system.write(drop_in, "[Service]\n%s\n" % line)
        box.systemctl("daemon-reload")
        box.systemctl("restart", "sendoff.service")
        done = box.submit(how)
        good, found = box.arrived(how)
        box.ok(done.returncode == 0 and good, "the password is a %s credential" % how,
               (done, found, box.journal("--unit=sendoff.service")))
    for _ in range(5):
        box.smarthost_down()
        box.submit("for root's flush")
        # the service, and its runner: whoever took the message lets go of it
        wait_for(lambda: len(box.run("pgrep", "-x", "sendoff").stdout.split()) <= 2)
        # and would be quick to take it when it sees what the flush does
        box.systemctl("kill", "--signal=STOP", "sendoff.service")
        box.smarthost_up()
        done = box.run("sendoff", "queue", "flush")
        box.systemctl("kill", "--signal=CONT", "sendoff.service")
        good, found = box.arrived("for root's flush")
        if "another process" not in done.stderr:
            break
    # on a machine that is at work the service may have been the first each time
    box.ok(good and (done.returncode == 0 or "another process" in done.stderr),
           "root's flush has it too", (done, found))
    box.run("rm", drop_in)
    box.run("install", "-o", "sendoff", "-g", "sendoff", "-m", "600", "/dev/stdin", SECRET,
            stdin=PASSWORD + "\n")
    configure(box)
    box.systemctl("daemon-reload")
    box.systemctl("restart", "sendoff.service")


def tokens_are_renewed(box):
    done = box.systemctl("start", "sendoff-login.service")
    box.ok(done.returncode == 0, "sendoff-login.service has nothing to do, and says no word",
           (done, box.journal("--unit=sendoff-login.service")))


def a_timer_instead(box):
    """What sendoff-queue.timer says of itself, and then its clock goes fast."""
    timer = box.run("systemctl", "cat", "sendoff-queue.timer").stdout
    lines = [line.lstrip("# ") for line in timer.splitlines() if line.startswith("#   systemctl")]
    box.ok(lines, "sendoff-queue.timer says how it is enabled", timer)
    box.system.write("/etc/systemd/system/sendoff-queue.timer.d/fast.conf",
                     "[Timer]\nRandomizedDelaySec=0\nAccuracySec=100ms\nOnUnitActiveSec=1s\n")
    for line in lines:
        done = box.run("sh", "-c", line)
        box.ok(done.returncode == 0, line, done)
    box.ok(wait_for(lambda: box.system.path("/run/sendoff/heartbeat").exists()),
           "the timer has the queue run", box.systemctl("status", "sendoff-queue").stdout)
    box.smarthost_down()
    done = box.submit("by the timer")
    box.ok(done.returncode == 0, "a message is kept for it", done)
    box.ok(box.state("sendoff.service") != "active", "nothing has started the service")
    box.smarthost_up()
    good, found = box.arrived("by the timer", seconds=60)
    box.ok(good, "the timer's run sends it", (found, box.journal("--unit=sendoff-queue.service")))
    box.run("rm", "-r", "/etc/systemd/system/sendoff-queue.timer.d")
    box.systemctl("disable", "--now", "sendoff-queue.timer")
    done = box.systemctl("enable", "--now", "sendoff.socket", "sendoff.service")
    box.ok(done.returncode == 0 and box.state("sendoff.service") == "active",
           "and back to the service", done)


def the_in_tray_is_emptied(box):
    box.systemctl("stop", "sendoff.socket", "sendoff.service")
    box.systemctl("start", "sendoff-queue.service")
    done = box.submit("in the tray")
    box.ok(done.returncode == 0 and box.arrivals(0) == [],
           "with neither service nor socket a message is kept", done)
    box.systemctl("start", "sendoff.socket", "sendoff.service")
    good, found = box.arrived("in the tray")
    box.ok(good, "and sent when they are back", found)


def cron_has_written(box):
    def both():
        box.collect()
        return len(box.from_cron) >= 2
    wait_for(both, 100)
    box.run("rm", "/etc/cron.d/test")
    found = sorted(recipients(message)[0].partition("@")[0] for message in box.from_cron)
    box.ok(found == ["admin", "alice"], "cron's mail to root, by the aliases, and to a user has come",
           box.from_cron)
    box.ok(all(message[0]["user"] == USER and message[0]["tls"] for message in box.from_cron),
           "after a login, by TLS", box.from_cron)


def secrets_are_secret(box):
    for path in SECRET, "/etc/sendoff/secrets", "/var/spool/sendoff/queue":
        done = box.run("sh", "-c", "cat %s || ls %s" % (path, path), uid=ALICE)
        box.ok(done.returncode and not done.stdout, "the user cannot read " + path, done)
    text = box.run("sh", "-c", "systemctl show sendoff.service; journalctl; ps -eww -o args,environ; "
                   "sendoff accounts; grep -rhsF '%s' /etc /run /var /proc/[0-9]*/environ" % PASSWORD,
                   uid=ALICE).stdout
    box.ok("LoadState=loaded" in text and PASSWORD not in text.replace("grep -rhsF", ""),
           "nor find the password at systemd, in the journal or in any file", text)


ALL = (the_package_is_installed, the_first_submission_starts_the_service, the_journal_tells_it,
       units_are_sound, cron_has_written, what_cannot_go_waits, the_service_is_restarted,
       the_configuration_changes, credentials, tokens_are_renewed, a_timer_instead,
       the_in_tray_is_emptied, secrets_are_secret)
