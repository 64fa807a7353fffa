#!/usr/bin/env python3
"""Root sets the machine up, on one of its own: the configuration, the secrets and tokens beside it,
and what the service and other users make of them. Prints TAP. Wants root."""

import os
import pathlib
import stat
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
TESTS = pathlib.Path(__file__).resolve().parent.parent
for folder in "support", "recipes", "oauth", "queue", "setup":
    sys.path.append(str(TESTS / folder))

import asked  # noqa: E402
import machine  # noqa: E402
import place  # noqa: E402
import recipes  # noqa: E402
import room  # noqa: E402
import server  # noqa: E402
import stage  # noqa: E402
from machine import expect  # noqa: E402
from terminal import Terminal  # noqa: E402

BOX = "box@example.org"
SCRIPT = ("--timer=no", "--test-to", "none")
TO_BOX = ("setup", BOX, "--host", "smtp.example.org", "--user", BOX)


def modes(path):
    """Owner and mode."""
    found = path.stat()
    return found.st_uid, stat.S_IMODE(found.st_mode)


def holding(folder, text):
    """The files below FOLDER that hold TEXT."""
    return [path for path in folder.rglob("*") if path.is_file() and
            text in path.read_text(errors="replace")]


def run(theatre, who, *words, text=b"", status=0, **more):
    uid = 0 if who == "root" else machine.ALICE
    done = subprocess.run(words, input=text, capture_output=True, timeout=60, check=False,
                          user=uid, group=uid, extra_groups=[], cwd=theatre.home / who,
                          env={**theatre.environment(who), **more}, start_new_session=True)
    said = done.stdout.decode() + done.stderr.decode()
    expect(done.returncode == status, "status %d of %s:\n%s", done.returncode, words, said)
    return said


def talk(theatre, argv, *steps):
    return Terminal(argv, {**theatre.environment("root"), "TERM": "dumb"}, 0,
                    theatre.home / "root").talk(*steps)


def by_options(theatre):
    """by options: the machine's configuration, the secret beside it, a message"""
    said = run(theatre, "root", str(stage.SENDOFF), *TO_BOX, "--password-file", "/dev/stdin",
               "--timer=no", "--test-to", "ann@example.org", text=stage.PASSWORD.encode() + b"\n")
    config = theatre.directory / "config"
    expect(modes(config) == (0, 0o644), "%s %s", modes(config), said)
    expect(stage.PASSWORD not in config.read_text() + said, "the password is in the open")
    kept = holding(theatre.directory / "secrets", stage.PASSWORD)
    expect(len(kept) == 1 and modes(kept[0]) == (stage.SERVICE, 0o600), "%s", kept)
    expect(modes(kept[0].parent) == (stage.SERVICE, 0o700), "%s", modes(kept[0].parent))
    expect(not (theatre.home / "root/.config").exists() and
           not holding(theatre.home / "root", stage.PASSWORD), "root has something of its own")
    got = theatre.messages()
    expect([m.sender for m in got] == [BOX], "%s", said)


def by_service(theatre):
    """the service uses what root has set up, and other users send by it"""
    by_options(theatre)
    theatre.serve()
    run(theatre, "alice", "/usr/sbin/sendmail", "bob@example.net",
        text=b"Subject: by the service\n\nHello\n")
    got = place.until(theatre.messages, "the service sends it", 60)
    expect([m["subject"] for m in got] == ["by the service"] and got[0].sender == BOX, "%s", got)
    secrets = theatre.directory / "secrets"
    kept = holding(secrets, stage.PASSWORD)[0]
    run(theatre, "alice", "cat", str(kept), status=1)


def asked_for(theatre):
    """at a terminal: for the machine, or for root alone"""
    steps = (("Password for", stage.PASSWORD), ("Name that recipients", "-"), ("Write it", ""))
    talk(theatre, [str(stage.SENDOFF), *TO_BOX, *SCRIPT], ("For whom is the account", ""), *steps)
    expect((theatre.directory / "config").exists(), "it is not the machine's")
    theatre.reset(theatre.recipe)
    talk(theatre, [str(stage.SENDOFF), *TO_BOX, *SCRIPT], ("For whom is the account", "1"), *steps)
    own = theatre.home / "root/.config/sendoff/config"
    expect(modes(own) == (0, 0o600) and not (theatre.directory / "config").exists(), "not root's")
    expect(holding(theatre.home / "root", stage.PASSWORD) and
           not (theatre.directory / "secrets").exists(), "the password is elsewhere")


def granted(theatre):
    """access by OAuth2 is kept where the service finds it"""
    folder = machine.BASE / "tokens"
    folder.mkdir()
    tokens = pathlib.Path(os.environ["LOCALSTATEDIR"]) / "lib/sendoff/tokens"
    with server.Server(folder) as provider, room.Mail(provider, "XOAUTH2") as mail:
        words = ("setup", BOX, "--host", "127.0.0.1", "--port", str(mail.port), "--tls", "none",
                 "--user", BOX, "--oauth", provider.issuer, "--oauth-client-id", "public",
                 "--oauth-scope", "mail", "--oauth-trust", provider.trust, "--device")
        said = run(theatre, "root", str(stage.SENDOFF), *words, "--timer=no", "--test-to",
                   "ann@example.org")
        expect(len(mail.messages) == 1, "%s", said)
        live = provider.set()["refresh"]
        kept = [path for token in live for path in holding(tokens, token)]
        expect(len(kept) == 1 and modes(kept[0]) == (stage.SERVICE, 0o600), "%s: %s", kept, said)
        expect(not any(holding(theatre.home / "root", t) for t in live), "root has kept it")
        theatre.serve()
        run(theatre, "alice", "/usr/sbin/sendmail", "bob@example.net",
            text=b"Subject: by the service\n\nHello\n")
        place.until(lambda: len(mail.messages) == 2, "the service sends it", 60)


def looked_up(theatre):
    """whoever asks name servers and web servers is the service's user"""
    named = asked.labels("smtp.example.org")
    records = {
        ("_submissions._tcp.example.org", asked.SRV): struct.pack("!HHH", 0, 0, 465) + named,
        ("customer.example", asked.MX): struct.pack("!H", 10) + asked.labels("aspmx.l.google.com")}
    with asked.Names(records) as names:
        said = run(theatre, "root", str(stage.SENDOFF), "setup", BOX, "--user", BOX,
                   "--password-file", "/dev/stdin", *SCRIPT,
                   text=stage.PASSWORD.encode() + b"\n")
        expect("smtp.example.org port 465" in said and len(names.asked) == 1, "%s", said)
        theatre.reset(theatre.recipe)
        said = run(theatre, "root", str(stage.SENDOFF), "setup", "ann@customer.example", *SCRIPT,
                   status=77)
        expect("aspmx.l.google.com takes the domain's mail, which is " in said, "%s", said)
        kinds = {(name, kind) for name, kind, _ in names.asked}
        for one in (*records, ("_submission._tcp.customer.example", asked.SRV),
                    ("autoconfig.customer.example", 1)):
            expect(one in kinds, "%s was not asked for: %s", one, kinds)
        expect({uid for _, _, uid in names.asked} == {stage.SERVICE}, "%s", names.asked)
    # root's own configuration is root's own business
    with asked.Names(records) as names:
        run(theatre, "root", str(stage.SENDOFF), "setup", BOX, "--user", BOX, "--password-file",
            "/dev/stdin", *SCRIPT, "--config", str(theatre.home / "root/own"),
            text=stage.PASSWORD.encode() + b"\n")
        expect({uid for _, _, uid in names.asked} == {0}, "%s", names.asked)


CASES = (by_options, by_service, asked_for, granted, looked_up)


def main():
    if machine.INSIDE in sys.argv:
        machine.enter()
    else:
        if os.getuid() != 0:
            machine.unable("a machine of its own wants root")
        done = subprocess.run([TESTS / "interop/fetch", "libcurl3-gnutls"], text=True,
                              stdout=subprocess.PIPE, check=False)
        if done.returncode:
            machine.unable("unable to fetch libcurl")
        machine.enter(done.stdout.strip())
    theatre = stage.Theatre(sys.argv[1])
    tap = machine.Tap(len(CASES))
    for case in CASES:
        theatre.reset(recipes.Recipe())
        theatre.messages()
        try:
            case(theatre)
            problem = None
        except (machine.Wrong, place.Wrong, OSError, subprocess.SubprocessError) as wrong:
            problem = wrong
        theatre.stop()
        tap.result("root: " + case.__doc__, problem)
    sys.exit(tap.failed > 0)


if __name__ == "__main__":
    main()
