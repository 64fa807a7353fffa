"""The servers: their configuration from etc/, their start, and the ends of their logs."""

import base64
import hmac
import json
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
USER = "alice@sink.test"
PASSWORD = "wonder land"  # with a blank, which no mechanism may stumble over


class Server:
    """Runs in DIR/NAME, in the namespace that `run` has made, which also ends it."""

    name, host, ports = "", "", ()

    def __init__(self, base):
        self.base, self.dir = base, base / self.name
        self.dir.mkdir(mode=0o755)

    def configure(self, template, name=None):
        text = (HERE / "etc" / template).read_text()
        for word, path in (("@DIR@", self.dir), ("@CA@", self.base / "ca"), ("@HERE@", HERE),
                           ("@DOVECOT@", self.base / "dovecot"), ("@KDC@", self.base / "kdc")):
            text = text.replace(word, str(path))
        file = self.dir / (name or template)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def write(self, name, text, owner=None):
        file = self.dir / name
        file.write_text(text)
        file.chmod(0o600 if owner else 0o644)
        if owner:
            shutil.chown(file, owner)

    def spawn(self, *argv):
        with open(self.dir / "output", "wb") as output:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, cwd=self.dir, start_new_session=True)

    def start(self):
        """Configures and starts; True once it listens."""
        self.launch()
        return self.ready(time.monotonic() + 30)

    def ready(self, limit):
        waiting = list(self.ports)
        while waiting and time.monotonic() < limit and self.process.poll() in (None, 0):
            try:
                socket.create_connection((self.host, waiting[0]), 1).close()
                waiting.pop(0)
            except OSError:
                time.sleep(0.05)
        return not waiting

    def sasldb(self, owner):
        """DIR/sasldb2, where Cyrus SASL finds USER's password."""
        name, realm = USER.split("@")
        file = self.dir / "sasldb2"
        subprocess.run(["/usr/sbin/saslpasswd2", "-p", "-c", "-f", file, "-u", realm, name],
                       input=PASSWORD.encode(), check=True)
        shutil.chown(file, owner)

    def log(self):
        lines = []
        for file in sorted(self.dir.glob("log*")) + [self.dir / "output"]:
            if file.is_file():
                lines += file.read_text(errors="replace").splitlines()[-30:]
        if self.name == "postfix":  # whose logins are Dovecot's
            lines += (self.base / "dovecot/log").read_text(errors="replace").splitlines()[-30:]
        return lines


class Kdc(Server):
    """A realm with a ticket for USER in DIR/ticket, and the keys of the servers in DIR/keytab."""

    name, host, ports = "kdc", "kdc.test", (8888,)

    def launch(self):
        for template in "krb5.conf", "kdc.conf":
            self.configure(template)
        os.environ["KRB5_CONFIG"] = str(self.dir / "krb5.conf")
        os.environ["KRB5_KDC_PROFILE"] = str(self.dir / "kdc.conf")
        os.environ["KRB5RCACHENAME"] = "none:"  # many tickets within a second
        keytab = self.dir / "keytab"
        self.run("/usr/sbin/kdb5_util", "create", "-s", "-P", "master")
        self.run("/usr/sbin/kadmin.local", text="".join(
            [f'addprinc -pw "{PASSWORD}" {USER}\n'] +
            [f"addprinc -randkey smtp/{host}\nktadd -k {keytab} smtp/{host}\n"
             for host in ("postfix.test", "exim.test", "submission.test")]))
        shutil.chown(keytab, "dovecot")
        self.spawn("/usr/sbin/krb5kdc", "-n", "-P", str(self.dir / "pid"))

    def run(self, *argv, text=""):
        subprocess.run(argv, input=text.encode(), check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def ready(self, limit):
        if not super().ready(limit):
            return False
        self.run("/usr/bin/kinit", "-c", str(self.dir / "ticket"), USER, text=PASSWORD + "\n")
        return True


def token(base, lifetime=3600, **claims):
    """An access token (RFC 7519) that Dovecot takes."""
    def part(octets):
        return base64.urlsafe_b64encode(octets).rstrip(b"=")

    claims = {"sub": USER, "iss": "https://oauth.test/", "iat": int(time.time()) - 60,
              "nbf": int(time.time()) - 60, "exp": int(time.time()) + lifetime, **claims}
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    key = base64.b64decode((base / "dovecot/keys/default/HS256/default").read_bytes())
    return (signed + b"." + part(hmac.digest(key, signed, "sha256"))).decode()


class Dovecot(Server):
    name = "dovecot"

    def launch(self):
        self.configure("dovecot.conf")
        self.configure("oauth2.conf")
        key = self.dir / "keys/default/HS256/default"
        key.parent.mkdir(parents=True)
        key.write_bytes(base64.b64encode(os.urandom(32)))
        (self.dir / "run").mkdir()
        self.write("users", f"{USER}:{{PLAIN}}{PASSWORD}::::::\n", "dovecot")
        self.spawn("/usr/sbin/dovecot", "-F", "-c", str(self.dir / "dovecot.conf"))

    def ready(self, limit):
        while time.monotonic() < limit and self.process.poll() is None:
            if (self.dir / "run/auth-client").exists():
                return True
            time.sleep(0.05)
        return False


class Lmtp(Server):
    """Mailboxes of Dovecot, of users who are there."""

    name, host, ports = "lmtp", "lmtp.test", (24,)
    users = [f"box{n}@sink.test" for n in range(8)]

    def launch(self):
        self.configure("dovecot-lmtp.conf", "dovecot.conf")
        (self.dir / "run").mkdir()
        (self.dir / "mail").mkdir()
        shutil.chown(self.dir / "mail", "nobody")
        self.write("users", "".join(f"{user}:{{PLAIN}}x::::::\n" for user in self.users),
                   "dovecot")
        self.spawn("/usr/sbin/dovecot", "-F", "-c", str(self.dir / "dovecot.conf"))

    def box(self, user):
        """What is in a mailbox, with its line ends as they are."""
        return [file.read_bytes() for file in
                (self.dir / "mail" / user.split("@")[0]).glob("new/*")]


class Submission(Server):
    """Submission by Dovecot, which hands each command on to the sink."""

    name, host, ports = "submission", "submission.test", (465, 587)

    def launch(self):
        self.configure("dovecot-submission.conf", "dovecot.conf")
        (self.dir / "run").mkdir()
        (self.dir / "mail").mkdir()
        shutil.chown(self.dir / "mail", "nobody")
        self.spawn("/usr/sbin/dovecot", "-F", "-c", str(self.dir / "dovecot.conf"))


class Postfix(Server):
    name, host = "postfix", "postfix.test"
    ports = 465, 587, 2587, 3465, 4465, 5465, 5587, 6465, 6587

    def launch(self):
        for queue in ("active bounce corrupt defer deferred flush hold incoming private saved"
                      " trace pid public maildrop").split():
            (self.dir / "queue" / queue).mkdir(parents=True)
            if queue != "pid":
                shutil.chown(self.dir / "queue" / queue, "postfix")
        for queue in "public", "maildrop":
            shutil.chown(self.dir / "queue" / queue, None, "postdrop")
        (self.dir / "data").mkdir()
        shutil.chown(self.dir / "data", "postfix")
        for template in "main.cf", "master.cf":
            self.configure(template, "etc/" + template)
        self.configure("sasl.conf", "etc/sasl/smtpd.conf")
        self.sasldb("postfix")
        # master closes every descriptor up to the limit when it starts
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
        # `postfix start` would want its files where a system has them
        self.spawn("/usr/lib/postfix/sbin/master", "-c", str(self.dir / "etc"), "-d")


class Exim(Server):
    name, host, ports = "exim", "exim.test", (465, 587, 5465, 5587)

    def launch(self):
        self.configure("exim.conf")
        (self.dir / "spool").mkdir()
        ca, names = self.base / "ca", []
        for name in "server.pem", "server-key.pem", "ca.pem":
            self.write(name, (ca / name).read_text(), "Debian-exim")
        for file in (ca / "wrong").glob("*-key.pem"):
            name = file.name[:-8]
            names.append(f"{name}.exim.test: {name}\n")
            self.write(file.name, file.read_text(), "Debian-exim")
            self.write(name + ".pem", (ca / "wrong" / (name + ".pem")).read_text(), "Debian-exim")
        self.write("names", "".join(names), "Debian-exim")
        (self.dir / "stapled.ocsp").write_bytes((ca / "wrong/stapled.ocsp").read_bytes())
        self.write("users", f'"{USER}": {PASSWORD}\n', "Debian-exim")
        for path in self.dir, self.dir / "spool":
            shutil.chown(path, "Debian-exim")
        self.spawn("/usr/sbin/exim4", "-C", str(self.dir / "exim.conf"), "-bdf", "-q1m")


class Stapler(Server):
    """Staples that its certificate is revoked, as GnuTLS in Exim would not do, and says no more."""

    name, host, ports = "stapler", "ocsprevoked.exim.test", (6465,)

    def launch(self):
        wrong = self.base / "ca/wrong"
        self.spawn("openssl", "s_server", "-www", "-accept", f"{self.host}:{self.ports[0]}",
                   "-cert", wrong / "ocsprevoked.pem", "-key", wrong / "ocsprevoked-key.pem",
                   "-cert_chain", self.base / "ca/issuing.pem",
                   "-status_file", wrong / "ocsprevoked.ocsp")


class Sendmail(Server):
    """Asks Cyrus SASL, and is the only one that has DELIVERBY."""

    name, host, ports = "sendmail", "sendmail.test", (465, 587)

    def launch(self):
        (self.dir / "queue").mkdir(mode=0o700)
        self.configure("sendmail.mc")
        self.configure("sasl.conf", "sasl/Sendmail.conf")
        self.write("service.switch", "hosts files\naliases files\n")
        ca = self.base / "ca"
        for name in "server.pem", "server-key.pem":
            self.write(name, (ca / name).read_text(), "root")
        # from these it makes the chain that it sends
        authorities = (ca / "ca.pem").read_text() + (ca / "issuing.pem").read_text()
        self.write("authorities.pem", authorities)
        self.sasldb("root")
        with open(self.dir / "sendmail.cf", "wb") as file:
            subprocess.run(["/usr/bin/m4", "sendmail.mc"], cwd=self.dir, stdout=file, check=True)
        # the path to Cyrus SASL's configuration is compiled in
        self.spawn("unshare", "--mount", "--propagation", "private", "sh", "-c",
                   'mount --bind sasl /usr/lib/sasl2 && exec /usr/libexec/sendmail/sendmail '
                   '-C "$PWD/sendmail.cf" -bD -q1m -X "$PWD/log"')


class Chasquid(Server):
    name, host, ports = "chasquid", "chasquid.test", (465, 587)

    def launch(self):
        certificates = self.dir / "etc/certs/chasquid.test"
        certificates.mkdir(parents=True)
        shutil.copy(self.base / "ca/server.pem", certificates / "fullchain.pem")
        shutil.copy(self.base / "ca/server-key.pem", certificates / "privkey.pem")
        (self.dir / "etc/domains/sink.test").mkdir(parents=True)
        (self.dir / "etc/domains/sink.test/aliases").write_text(f"*: {USER}\n")
        (self.dir / "data").mkdir()
        self.configure("chasquid.conf", "etc/chasquid.conf")
        config = "--configdir=" + str(self.dir / "etc")
        subprocess.run(["/usr/bin/chasquid-util", config, "user-add", USER,
                        "--password=" + PASSWORD], check=True, stdout=subprocess.DEVNULL)
        self.spawn("/usr/bin/chasquid", "-config_dir", str(self.dir / "etc"))


class Aiosmtpd(Server):
    name, host, ports = "aiosmtpd", "aiosmtpd.test", (465, 587)

    def launch(self):
        self.spawn(HERE / "aiosmtpd-server", "127.0.1.6", self.base / "ca/server.pem",
                   self.base / "ca/server-key.pem", USER, PASSWORD)


class Opensmtpd(Server):
    """Drops those who send ahead. Its paths below /var are compiled in."""

    name, host, ports = "opensmtpd", "opensmtpd.test", (465, 587, 2587)

    def launch(self):
        self.configure("opensmtpd.conf")
        (self.dir / "opensmtpd.conf").chmod(0o600)
        self.write("server-key.pem", (self.base / "ca/server-key.pem").read_text(), "root")
        done = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=PASSWORD.encode(),
                              stdout=subprocess.PIPE, check=True)
        self.write("users", f"{USER} {done.stdout.decode()}")
        queue = self.dir / "var/spool/smtpd"
        for path in "var/run", "var/lib/opensmtpd/empty", "var/empty", "var/mail":
            (self.dir / path).mkdir(parents=True)
        queue.mkdir(parents=True)
        queue.chmod(0o711)
        for name in "corrupt", "incoming", "purge", "queue", "temporary":
            (queue / name).mkdir(mode=0o700)
            shutil.chown(queue / name, "opensmtpq", "root")
        (queue / "offline").mkdir()
        shutil.chown(queue / "offline", "root", "opensmtpq")
        (queue / "offline").chmod(0o770)
        self.spawn("unshare", "--mount", "--propagation", "private", "sh", "-c",
                   "mount --bind var /var && exec /usr/sbin/smtpd -d -f opensmtpd.conf")


def start_all(base):
    """The servers by name, and the names of those that did not start with what they said."""
    os.umask(0o022)
    subprocess.run([HERE / "ca", base / "ca"], check=True)
    servers, failures = {}, {}
    for kind in (Kdc, Dovecot, Lmtp, Submission, Postfix, Exim, Stapler, Sendmail, Chasquid,
                 Aiosmtpd, Opensmtpd):
        server = kind(base)
        servers[server.name] = server
        try:
            good = server.start()
        except (OSError, subprocess.SubprocessError) as error:
            good = False
            server.write("output", str(error))
        if not good:
            failures[server.name] = server.log()
    return servers, failures
