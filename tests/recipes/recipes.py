"""What each recipe needs to be tried out, and what must come of it."""

import os
import pathlib
import shlex
import shutil

import provider  # knows where the next two are
import place
import server
import stage
from machine import expect

WORKS = "It works"
CLIENT = "11111111-2222-3333-4444-555555555555"  # the recipe's, at Microsoft


class Recipe:
    """ARRIVES: the subjects of the messages that must have come in the end, all from SENDER.
    BEFORE and FINALE are called at the beginning and the end; USES: what is done with a file that was
    written, or a block that is neither file nor command, by its first words; it may return why it
    cannot be done here. MOMENTS: what happens before a command, FILLS: what stands for a word of a
    file. UID: who types, in a container."""

    def __init__(self, arrives=(), sender=None, before=None, finale=None, uses=None, moments=None,
                 fills=None, uid=None):
        self.arrives, self.sender = list(arrives), sender
        self.before, self.finale = before, finale
        self.uses, self.moments, self.fills = uses or {}, moments or {}, fills or {}
        self.uid = uid


def keys_of_ann(theatre):
    """A client certificate, and the server's for who looks at it."""
    for name, to in (("client.pem", "ann.crt"), ("client-key.pem", "ann.key")):
        theatre.put("~/.config/sendoff/" + to, (theatre.certificates / name).read_bytes(), 0o600)
    shutil.copy(theatre.certificates / "good.pem", "/etc/ssl/mail.crt")


def crontab(theatre, block):
    """The line of a user's crontab, as cron runs it."""
    theatre.run("alice", block.lines[0].split(None, 5)[5])


def dispatcher(theatre, path):
    """What NetworkManager does with a script."""
    folder = pathlib.Path("/run/user/%d" % stage.machine.ALICE)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.chown(folder, "alice")
    theatre.run("alice", "sendoff --queue=always --to bob@example.net --subject 'It waited' --body x")
    theatre.run("root", "%s wlan0 down" % path)
    expect(not theatre.smarthosts[0].messages(), "it was sent while the network went down")
    theatre.run("root", "%s wlan0 up" % path)


def fail_unit(theatre):
    """What systemd does when backup.service has failed."""
    theatre.put("/usr/local/bin/journalctl", "#!/bin/sh\necho \"$* was asked for\"\n", 0o755)
    unit = pathlib.Path("/etc/systemd/system/mail-failure@.service").read_text()
    values = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line)
    name, source = values["LoadCredential"].split(":")
    credentials = pathlib.Path("/run/credentials")
    credentials.mkdir(mode=0o755)
    shutil.copy(source, credentials / name)
    os.chmod(credentials / name, 0o400)
    shutil.chown(credentials / name, "alice")
    variable, value = values["Environment"].split("=", 1)
    command = values["ExecStart"].replace("%i", "backup.service").replace("%H", "box")
    theatre.run("alice", shlex.join(shlex.split(command)), CREDENTIALS_DIRECTORY=str(credentials),
                **{variable: value})


def repository(theatre):
    theatre.place = theatre.home / "alice/project"
    theatre.put("~/project/file", "one\n")
    theatre.run("alice", "git config --global user.name 'Ann Example' && "
                "git config --global user.email ann@example.org && git init -q . && "
                "git add file && git commit -qm first && echo two >>file && "
                "git commit -qam second && echo three >>file && git commit -qam third")


def smartd(theatre, path):
    """What smartd does with the script that -M exec names."""
    theatre.run("root", str(path), SMARTD_ADDRESS="root@example.org",
                SMARTD_SUBJECT="SMART error", SMARTD_FULLMESSAGE="A disk is failing.")


def apt(theatre, _path):
    theatre.run("root", "apt-config dump")
    expect('Unattended-Upgrade::Mail "root";' in theatre.output, "apt reads %s", theatre.output)


def has_cron(_theatre, _path):
    return "cron looks at the clock: suite callers has it run"


def log_in(theatre):
    theatre.put("/var/log/auth.log", "Nov 24 12:00:00 box sshd[77]: Accepted publickey for alice "
                "from 192.0.2.1 port 22 ssh2\n")


def at_google(theatre):
    theatre.providers.set(authorize="ok")
    theatre.providers.register("https://accounts.google.com",
                               "1234567890-abc.apps.googleusercontent.com",
                               "GOCSPX-the-secret-of-your-client", "authorization_code",
                               "refresh_token")


def at_microsoft(theatre):
    theatre.providers.set(user="ann@example.com", device_pending=0)
    theatre.providers.register(provider.TENANT, CLIENT, None, server.grants.DEVICE_GRANT,
                               "refresh_token")


def upload(theatre, _path):
    """The certificate is known to Microsoft; the machine sends by it."""
    theatre.providers.register(provider.TENANT, CLIENT, None, "client_credentials",
                               key="/etc/sendoff/sendoff.crt")
    theatre.run("root", "sendoff --to ann@example.com --subject 'By the machine' --body x")
    place.until(lambda: len(theatre.providers.mail.contents) == 2, "it arrives", 60)


def granted_twice(theatre):
    """In the browser here, and in one elsewhere."""
    with theatre.providers.lock:
        scopes = [grant["scope"] for grant in theatre.providers.grants.grants.values()]
    expect(scopes == ["https://mail.google.com/"] * 2, "%s", scopes)


RECIPES = {
    "gmail": Recipe([WORKS], "ann@gmail.com", before=at_google,
                    moments={"sendoff login --status": granted_twice}),
    "microsoft": Recipe([WORKS, "By the machine"], None, before=at_microsoft,
                        uses={"0 9 * * 1": crontab, "/etc/sendoff/config": upload},
                        fills={"/etc/sendoff/secrets": lambda theatre:
                               "%s/secrets" % theatre.directory}),
    "fastmail": Recipe([WORKS, "Hello"], None),
    "ses": Recipe([WORKS, WORKS], "app@example.com",
                  fills={"the-SMTP-password": lambda _theatre: stage.PASSWORD}),
    "own-server": Recipe(
        [WORKS] * 4, "ann@example.org", before=keys_of_ann,
        fills={"sha256//PIN": lambda theatre: "sha256//" + theatre.output.strip()}),
    "laptop": Recipe(
        ["It waited", "Hello"], "ann@example.org",
        uses={"*/15": crontab, "/etc/NetworkManager/dispatcher.d/51-sendoff-users": dispatcher},
        moments={"sendoff --to": lambda theatre: theatre.network(False),
                 "sendoff queue flush": lambda theatre: theatre.network(True)}),
    "containers": Recipe(
        ["Backup", "Backup"], "app@example.org", uid=64123,
        uses={"/etc/sendoff/secrets/default": lambda theatre, path: theatre.serve()}),
    "systemd": Recipe(["backup.service has failed on box"], "box@example.org", finale=fail_unit),
    "git": Recipe(["[PATCH] third", "[PATCH 1/2] second", "[PATCH 2/2] third"], "ann@example.org",
                  before=repository),
    "mutt": Recipe([WORKS], "ann@example.org"),
    "system-programs": Recipe(
        [WORKS, "Logwatch for box (Linux)", "TestMessage event on /dev/md99:box", "SMART error"],
        "box@example.org", before=log_in,
        uses={"/usr/local/sbin/smartd-mail": smartd, "/etc/cron.d/backup": has_cron,
              "/etc/apt/apt.conf.d/51unattended-upgrades-mail": apt}),
    "php": Recipe([WORKS], "app@example.org"),
}
