"""The machine on which recipes are tried out, and what stands there for the providers."""

import os
import pathlib
import shutil
import subprocess

import machine
import provider
from machine import BASE, SENDOFF, expect

SERVICE = 61010  # the user sendoff
PASSWORD = "correct horse"
TRUST = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
HOSTS = ("smtp.gmail.com", "smtp.office365.com", "smtp.fastmail.com", "smtp.example.org",
         "mail.example.org", "email-smtp.eu-central-1.amazonaws.com")
USERS = ("ann@gmail.com", "ann@fastmail.com", "AKIAIOSFODNN7EXAMPLE", "ann", "ann@example.org",
         "app@example.org", "box@example.org")
# What takes an init system, or another account than the recipe's.
ELSEWHERE = (("sendoff token", "the account here has a password; recipe microsoft has tokens"),
             ("systemctl", "there is no systemd here"))


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def certify(folder):
    """An authority in FOLDER, and certificates by it for HOSTS (good) and for ann (client)."""
    folder.mkdir()
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3")
    openssl("req", "-x509", *curve, "-subj", "/CN=Recipes", "-keyout", folder / "ca-key.pem",
            "-out", folder / "ca.pem")
    for name, subject, extensions in (
            ("good", "/CN=server", "subjectAltName=" + ",".join("DNS:" + h for h in HOSTS)),
            ("client", "/CN=ann", "extendedKeyUsage=clientAuth")):
        openssl("req", "-x509", *curve, "-subj", subject, "-addext", extensions,
                "-addext", "basicConstraints=critical,CA:FALSE", "-CA", folder / "ca.pem",
                "-CAkey", folder / "ca-key.pem", "-keyout", folder / (name + "-key.pem"),
                "-out", folder / (name + ".pem"))


class Theatre(machine.Machine):
    def __init__(self, root):
        super().__init__(upper=[root])
        shutil.copy(SENDOFF, "/usr/bin/sendoff")
        self.add_service()
        self.spool = pathlib.Path(os.environ["LOCALSTATEDIR"]) / "spool/sendoff"
        if not str(self.spool).startswith(("/usr/", "/var/")):
            machine.overlay("/" + self.spool.parts[1])
        if str(self.directory) != "/etc/sendoff":
            shutil.rmtree("/etc/sendoff", ignore_errors=True)
            os.symlink(self.directory, "/etc/sendoff")
        if not pathlib.Path("/usr/bin/php").exists():
            os.symlink("php8.2", "/usr/bin/php")
        for name in "cache/logwatch", "log":
            (pathlib.Path("/var") / name).mkdir(parents=True, exist_ok=True)
        self.certificates = BASE / "certificates"
        certify(self.certificates)
        TRUST.parent.mkdir(parents=True, exist_ok=True)
        both = BASE / "good.pem"
        both.write_bytes((self.certificates / "good-key.pem").read_bytes() +
                         (self.certificates / "good.pem").read_bytes())
        self.providers = provider.Providers(BASE / "providers", both)
        TRUST.write_bytes((self.certificates / "ca.pem").read_bytes() +
                          pathlib.Path(self.providers.trust).read_bytes())
        self.smarthosts = [self.smarthost(465, "implicit"), self.smarthost(587, "starttls")]
        self.service = None

    def add_service(self):
        for folder in "/run/sendoff", str(self.home / "sendoff"):
            pathlib.Path(folder).mkdir()
            os.chown(folder, SERVICE, SERVICE)
        machine.replace_lines("/etc/passwd", "sendoff", "sendoff:x:%d:%d::%s:/bin/sh" % (
            SERVICE, SERVICE, self.home / "sendoff"))
        machine.replace_lines("/etc/group", "sendoff", "sendoff:x:%d:" % SERVICE)

    def smarthost(self, port, tls):
        password = BASE / "password"
        password.write_text(PASSWORD + "\n")
        users = [word for user in USERS for word in ("--user", user, "--password-file", password)]
        return machine.Smarthost(
            "--port", str(port), "--tls", tls, "--use-ca", self.certificates,
            "--request-client-certificate", *users, "--mechanisms",
            "PLAIN,LOGIN,SCRAM-SHA-256,SCRAM-SHA-256-PLUS,EXTERNAL")

    def messages(self):
        return [message for smarthost in (*self.smarthosts, self.providers)
                for message in smarthost.messages()]

    def network(self, up):
        """Without one the providers' addresses are nobody's."""
        names = [name for name in HOSTS if name not in provider.MAIL_HOSTS]
        pathlib.Path("/etc/hosts").write_text(
            "127.0.0.1 localhost\n127.0.1.1 %s box\n%s %s\n%s" % (
                machine.HOST, "127.0.0.1" if up else "127.0.0.66", " ".join(names),
                self.providers.hosts()))

    def reset(self, recipe):
        """A machine on which nothing is set up."""
        for folder in self.home.iterdir():
            subprocess.run(["find", folder, "-mindepth", "1", "-delete"], check=True)
        for folder in self.directory, self.spool, pathlib.Path("/run/secrets"):
            shutil.rmtree(folder, ignore_errors=True)
        self.directory.mkdir()
        self.recipe, self.output = recipe, ""
        self.place = None
        self.network(True)
        if recipe.before:
            recipe.before(self)

    def stop(self):
        if self.service:
            self.service.terminate()
            self.service.wait(60)
        self.service = None

    def serve(self):
        """The machine's service, as its unit starts it."""
        self.spool.parent.mkdir(parents=True, exist_ok=True)
        self.service = self.start([SENDOFF, "serve"], "root", stdin=subprocess.DEVNULL)
        machine_socket = pathlib.Path("/run/sendoff/socket")
        for _ in range(500):
            if machine_socket.exists():
                return
            subprocess.run(["sleep", "0.02"], check=True)
        raise machine.Wrong("the service does not listen")

    def put(self, path, content, mode=0o644, owner=None):
        """Writes a file that belongs to whoever's directory it is in."""
        path = pathlib.Path(path.replace("~", str(self.home / "alice"), 1))
        mine = self.home / "alice" in path.parents
        path.parent.mkdir(parents=True, exist_ok=True)
        if mine:
            subprocess.run(["chown", "-R", "alice:", self.home / "alice"], check=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        if mine or owner:
            shutil.chown(path, owner or "alice", owner or "alice")
        return path

    def write(self, block):
        """The file that BLOCK is."""
        text = block.text()
        for words, value in self.recipe.fills.items():
            text = text.replace(words, value(self))
        path = self.put(block.path, text, block.mode, block.owner)
        if "sendoff" in path.parts and text.startswith("["):
            who = "alice" if self.home / "alice" in path.parents else "root"
            self.run(who, "sendoff accounts --config %s" % path)
        use = self.recipe.uses.get(block.path)
        return use(self, path) if use else None

    def type(self, who, command):
        """COMMAND as WHO types it. Returns why it could not be done here."""
        for words, action in self.recipe.moments.items():
            if command.startswith(words):
                action(self)
        for words, reason in ELSEWHERE:
            if words in command:
                return reason
        # what it asks for is typed
        asks = command.startswith("sendoff password")
        more = self.providers.environment() if command.startswith("sendoff login") else {}
        self.run(who, command, (PASSWORD + "\n").encode() if asks else b"", **more)
        return None

    def run(self, who, command, text=b"", **more):
        uid = {"root": 0, "alice": self.recipe.uid or machine.ALICE}[who]
        env = self.environment(who)
        env.update(more)
        if self.recipe.uid and who == "alice":
            env = {"PATH": env["PATH"], "LC_ALL": "C"}
        process = subprocess.Popen(
            ["sh", "-c", command], user=uid, group=uid, extra_groups=[], env=env,
            cwd=self.place or (self.home / who if not self.recipe.uid else "/"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)
        try:
            if command.endswith("--paste"):
                text = self.providers.paste(process)
            out, err = process.communicate(text, 60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        self.output = out.decode(errors="replace")
        expect(process.returncode == 0, "status %d of: %s\n%s%s", process.returncode, command,
               self.output, err.decode(errors="replace"))
