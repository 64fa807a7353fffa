#!/usr/bin/env python3
"""Passwords from a real Secret Service (gnome-keyring on a bus of its own) and from libsecret's file;
then whole stories, with submissions (keyring_stories.py).

usage: keyring.py SECRET_PROBE

Answers in TAP. Needs dbus-run-session, gnome-keyring-daemon and secret-tool, and fails without them.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import keyring_stories

HOST, USER, SECRET = "mail.example.org", "ann", "h\u00fcnter 2"
# Whoever asks a service that is not there yet makes the bus start another one, a locked one: the name
# must be owned before it is asked for the keyring.
WAIT = 'until %s | grep -q "boolean %s"; do sleep 0.05; done\n'
OWNED = "dbus-send --session --print-reply --dest=org.freedesktop.DBus / " \
    f"org.freedesktop.DBus.NameHasOwner string:{keyring_stories.SERVICE} 2>/dev/null"
IS_LOCKED = f"dbus-send --session --print-reply --dest={keyring_stories.SERVICE} " \
    f"{keyring_stories.LOGIN} org.freedesktop.DBus.Properties.Get " \
    "string:org.freedesktop.Secret.Collection string:Locked 2>/dev/null"
UNLOCK = "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1\n" + \
    WAIT % (OWNED, "true") + WAIT % (IS_LOCKED, "false")
LOCKED = "gnome-keyring-daemon --start --components=secrets </dev/null >/dev/null 2>&1\n"
STORE = 'secret-tool store --label=test %s <"$SECRET"\n'
OWN = f"host {HOST} service smtp user {USER}"
OLD = f"server {HOST} protocol smtp user {USER}"
PROBE = f'"$PROBE" {HOST} {USER} "$SECRET"\n'

# A bus that starts no services. Whether it answers depends on $RECEIVE.
BARE_BUS = """
cat >$HOME/bus.conf <<.
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=$XDG_RUNTIME_DIR/bus</listen>
<policy context="default"><allow send_destination="*"/><allow own="*"/>$RECEIVE</policy>
</busconfig>
.
dbus-daemon --config-file=$HOME/bus.conf --nofork &
while ! [ -S $XDG_RUNTIME_DIR/bus ]; do sleep 0.05; done
"""

count = failed = 0


def ok(good, what, detail=""):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {what}")
    if not good:
        for line in detail.splitlines():
            print(f"# {line}")


class Place:
    """A home of its own, with a runtime folder, and nothing else in the environment."""

    def __init__(self, folder, probe):
        self.folder = folder
        os.mkdir(f"{folder}/run", 0o700)
        with open(f"{folder}/secret", "wb") as f:
            f.write(SECRET.encode())
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": folder, "XDG_RUNTIME_DIR": f"{folder}/run",
            "PROBE": probe, "SECRET": f"{folder}/secret",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def run(self, script, bus=True, **more):
        """What the script printed. Without a terminal, in a session of its own."""
        command = ["dbus-run-session", "--"] if bus else []
        result = subprocess.run(
            command + ["sh", "-c", script], env={**self.environment, **more}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True, timeout=60)
        return result.stdout, result.stderr


def found(place, what, script, bus=True, **more):
    out, errors = place.run(script, bus, **more)
    ok(out == "match\n", what, out + errors)


def refused(place, what, script, fault, *words, bus=True, **more):
    out, errors = place.run(script, bus, **more)
    good = out.startswith(fault + " ") and all(word in out for word in words)
    ok(good and "nter" not in out, what, out + errors)


def service(make):
    place = make()
    found(place, "stored as msmtp and secret-tool do", UNLOCK + STORE % OWN + PROBE)
    found(place, "a port is no part of the host",
          UNLOCK + f'"$PROBE" {HOST}:587 {USER} "$SECRET"\n')
    refused(place, "nothing stored for another user", UNLOCK + f'"$PROBE" {HOST} bob "$SECRET"\n',
            "EX_NOPERM", f"no password is stored for bob at {HOST}",
            "store one with sendoff password probe")
    refused(place, "nothing stored for another host",
            UNLOCK + f'"$PROBE" example.net {USER} "$SECRET"\n',
            "EX_NOPERM", "no password is stored for ann at example.net")
    refused(place, "locked", LOCKED + PROBE, "EX_TEMPFAIL",
            f"the keyring that holds the password for {USER} at {HOST} is locked")
    refused(place, "locked, and something else is asked for",
            LOCKED + f'"$PROBE" {HOST} bob "$SECRET"\n', "EX_NOPERM", "no password is stored")
    found(place, "another password of the same name does not get in the way",
          UNLOCK + f"printf x | secret-tool store --label=x host {HOST} service imap user {USER}\n"
          + PROBE)
    found(make(), "stored as a network password", UNLOCK + STORE % OLD + PROBE)
    found(make(), "a long password",
          "head -c 8000 /dev/zero | tr '\\0' x >$SECRET\n" + UNLOCK + STORE % OWN + PROBE)
    refused(make(), "two lines are no password",
            "printf 'a\\nb' >$SECRET\n" + UNLOCK + STORE % OWN + PROBE, "EX_CONFIG",
            "more than one line")


def said(place, what, script, want, bus=True, **more):
    out, errors = place.run(script, bus, **more)
    ok(out == want, what, f"wanted {want!r}\n" + out + errors)


SAVE = f'"$PROBE" %s {HOST} {USER} "$SECRET"\n'
DROP = f'"$PROBE" remove {HOST} {USER}\n'
CHANGE = "printf other >$SECRET\n"
SERVICE = "the Secret Service\n"


def storing(make):
    place = make()
    path = f"{place.folder}/.local/share/sendoff/smtp,{HOST},{USER}"
    said(place, "stored in the Secret Service", UNLOCK + SAVE % "auto", SERVICE)
    found(place, "and found there", UNLOCK + PROBE)
    said(place, "as other programs find it", UNLOCK + f"secret-tool lookup {OWN}", SECRET)
    said(place, "replaced", CHANGE + UNLOCK + SAVE % "keyring" + PROBE, SERVICE + "match\n")
    said(place, "once, not twice",
         UNLOCK + f"secret-tool search --all {OWN} 2>/dev/null | grep -c ^secret", "1\n")
    said(place, "removed", UNLOCK + DROP, "1\n" + SERVICE)
    refused(place, "and gone", UNLOCK + PROBE, "EX_NOPERM", "no password is stored")
    said(place, "nothing to remove", UNLOCK + DROP, "0\n")
    place = make()
    path = f"{place.folder}/.local/share/sendoff/smtp,{HOST},{USER}"
    said(place, "what another program stored before goes",
         UNLOCK + STORE % OWN + CHANGE + SAVE % "keyring" + PROBE +
         f"secret-tool search --all {OWN} 2>/dev/null | grep ^secret",
         SERVICE + "match\nsecret = other\n")
    refused(place, "locked: not in there", LOCKED + SAVE % "keyring", "EX_TEMPFAIL",
            "the Secret Service is locked")
    said(place, "locked: a file instead", LOCKED + SAVE % "auto" + PROBE, path + "\nmatch\n")
    refused(place, "locked: what is in there cannot be removed", LOCKED + DROP, "EX_TEMPFAIL",
            "the Secret Service is locked")
    ok(not os.path.exists(path), "but the file is gone")
    said(place, "a file that was stored while it was locked",
         LOCKED + SAVE % "auto", path + "\n")
    said(place, "gives way to the Secret Service", CHANGE + UNLOCK + SAVE % "auto" + PROBE,
         SERVICE + "match\n")
    ok(not os.path.exists(path), "the file is gone then")
    place = make()
    path = f"{place.folder}/.local/share/sendoff/smtp,{HOST},{USER}"
    said(place, "no keyring was ever made: a file", LOCKED + SAVE % "auto" + PROBE,
         path + "\nmatch\n")
    said(place, "no bus: a file", SAVE % "auto" + PROBE + DROP,
         f"{path}\nmatch\n1\n{path}\n", bus=False)
    refused(place, "no bus: not in there", SAVE % "keyring", "EX_CONFIG", "no session bus",
            bus=False)
    said(place, "a file is found without any bus, as from cron", SAVE % "file" + PROBE,
         path + "\nmatch\n", bus=False)


def without_address(make):
    place = make()
    bus = "unix:path=$XDG_RUNTIME_DIR/bus"
    script = (f"dbus-daemon --session --address={bus} --nofork --nopidfile &\n"
              "while ! [ -S $XDG_RUNTIME_DIR/bus ]; do sleep 0.05; done\n"
              f"export DBUS_SESSION_BUS_ADDRESS={bus}\n" + UNLOCK + STORE % OWN +
              "unset DBUS_SESSION_BUS_ADDRESS\n" + PROBE + "kill $!\n")
    found(place, "the user's bus is found without its address, as from cron", script, bus=False)
    place = make()
    os.symlink("/dev/null", f"{place.folder}/run/bus")
    refused(place, "what is no socket is no bus", PROBE, "EX_NOPERM", "no session bus", bus=False)


def unreachable(make):
    place = make()
    refused(place, "no bus", PROBE, "EX_NOPERM", "no password is configured",
            "the Secret Service cannot be reached: no session bus", bus=False)
    refused(place, "a bus that is gone", PROBE, "EX_NOPERM", "cannot be reached",
            bus=False, DBUS_SESSION_BUS_ADDRESS=f"unix:path={place.folder}/gone")
    refused(place, "a bus without the service", BARE_BUS + PROBE + "kill $!\n", "EX_NOPERM",
            "cannot be reached", "org.freedesktop.secrets", bus=False,
            RECEIVE='<allow receive_sender="*"/>')
    refused(make(), "a bus that does not answer", BARE_BUS + PROBE + "kill $!\n", "EX_TEMPFAIL",
            "no answer in time", bus=False, RECEIVE="")


def doctor(make):
    """What the doctor says of the same states."""
    def visit(what, script, state, words, bus=True, before=""):
        place = make()
        if before:
            place.run(before)
        with open(f"{place.folder}/config", "w", encoding="ascii") as f:
            f.write(f"[account work]\nhost = {HOST}\nuser = {USER}\n")
        out, errors = place.run(
            script + '"$SENDOFF" check --offline --json --config $HOME/config\n', bus,
            SENDOFF=os.environ["SENDOFF"])
        try:
            findings = json.loads(out.splitlines()[-1])["findings"]
        except (ValueError, IndexError):
            findings = []
        good = [f for f in findings if f["section"] == "secrets" and f["state"] == state and
                words in f"{f['text']} {f['remedy']}"]
        ok(len(good) == 1 and SECRET not in out, "doctor: " + what, out + errors)

    visit("unlocked", UNLOCK + STORE % OWN, "ok", "the password of ann")
    visit("empty", UNLOCK, "failure", "no password is stored for ann")
    visit("locked", LOCKED, "failure", "is locked: unlock it", before=UNLOCK + STORE % OWN)
    visit("no bus", "", "failure", "cannot be reached", bus=False)


def backend_file(make):
    place = make()
    file = {"SECRET_BACKEND": "file", "SECRET_FILE_TEST_PATH": f"{place.folder}/keyring",
            "SECRET_FILE_TEST_PASSWORD": "master"}
    found(place, "libsecret's own file, without a bus", STORE % OWN + PROBE, bus=False, **file)
    refused(place, "nothing stored in it", f'"$PROBE" {HOST} bob "$SECRET"\n', "EX_NOPERM",
            "no password is stored", bus=False, **file)
    said(place, "stored in it, replaced and removed",
         CHANGE + SAVE % "keyring" + PROBE + DROP + DROP,
         SERVICE + "match\n1\n" + SERVICE + "0\n", bus=False, **file)


def main():
    missing = [tool for tool in ("dbus-run-session", "dbus-daemon", "gnome-keyring-daemon",
                                 "secret-tool") if not shutil.which(tool)]
    ok(not missing, "the tools are installed", "missing: " + " ".join(missing))
    if not missing:
        with tempfile.TemporaryDirectory(prefix="sendoff-keyring-") as top:
            def make():
                return Place(tempfile.mkdtemp(dir=top), os.path.abspath(sys.argv[1]))

            for part in (service, storing, without_address, unreachable, backend_file, doctor):
                part(make)
        keyring_stories.tell(ok)
    print(f"1..{count}")
    return failed != 0


sys.exit(main())
