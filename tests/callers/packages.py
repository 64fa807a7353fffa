"""The programs: Debian packages that are downloaded and unpacked into a cache, never installed.

The cache is $XDG_CACHE_HOME/sendoff-tests or ~/.cache/sendoff-tests, and may be removed at any
time."""

import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

WANTED = ("at", "bsd-mailx", "cron", "emacs-nox", "git-email", "libemail-sender-perl",
          "libmailtools-perl", "libmime-lite-perl", "logwatch", "mailutils", "mdadm", "mutt", "nmh",
          "node-nodemailer", "nodejs", "php-cli", "php-symfony-mailer", "procmail", "ruby-mail",
          "s-nail", "smartmontools", "sudo")
# What apt is told is there: no mail system is wanted beside ours, no devices and no services.
STAND_INS = {"default-mta": "mail-transport-agent", "udev": "dev-manager"}
STAND_IN = """
Package: {}
Status: install ok installed
Maintainer: nobody <nobody@localhost>
Architecture: all
Version: 9999:9999
Provides: {}
Description: stand-in

"""


class Unavailable(Exception):
    """The packages cannot be had."""


class Packages:
    """The packages that this machine lacks, in a directory of the cache."""

    def __init__(self):
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
        self.cache = cache / "sendoff-tests"
        self.apt_directory = self.cache / "callers-apt"
        self.status = self.apt_directory / "status"
        self.own_lists = self.apt_directory / "lists"

    def apt(self, *arguments, lists=None):
        options = {"Dir::State::status": self.status, "Dir::Cache": self.apt_directory,
                   "Dir::Cache::archives": self.apt_directory / "archives",
                   "APT::Sandbox::User": "root", "Debug::NoLocking": "true",
                   "APT::Install-Recommends": "false"}
        if lists:
            options["Dir::State::lists"] = lists
        argv = ["apt-get", "-qq", "-y"]
        for name, value in options.items():
            argv += ["-o", "%s=%s" % (name, value)]
        done = subprocess.run(argv + list(arguments), stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, env={**os.environ, "LC_ALL": "C"})
        if done.returncode:
            raise Unavailable("apt-get %s: %s" % (arguments[0], done.stderr.strip()))
        return done.stdout

    def write_status(self):
        """What is installed here, and the stand-ins."""
        stanzas = pathlib.Path("/var/lib/dpkg/status").read_text(errors="replace").split("\n\n")
        self.installed = {}
        for stanza in stanzas:
            fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", stanza, re.M))
            if fields.get("Status", "").endswith(" installed"):
                self.installed[fields["Package"]] = fields["Version"]
        text = "\n\n".join(s.strip("\n") for s in stanzas if s.strip()) + "\n"
        for name, provided in STAND_INS.items():
            if name not in self.installed:
                text += STAND_IN.format(name, provided)
        self.status.write_text(text)

    def resolve(self, lists):
        """The archives that are needed."""
        plan = self.apt("install", "--no-upgrade", "--simulate", *WANTED, lists=lists)
        return sorted("_".join((name, version.replace(":", "%3a"), architecture)) + ".deb"
                      for name, version, architecture in re.findall(
                          r"^Inst (\S+) (?:\[\S+\] )?\((\S+) .*\[(\S+)\]\)", plan, re.M))

    def unpack(self, root, names):
        shutil.rmtree(root, ignore_errors=True)
        for directory in "usr", "etc", "var":
            (root / directory).mkdir(parents=True)
        for name in names:
            subprocess.run(["dpkg-deb", "-x", self.apt_directory / "archives" / name, root],
                           check=True)
        for directory in "bin", "lib", "lib64", "sbin":
            if (root / directory).is_dir():
                # as where they are links to those below /usr
                subprocess.run(["cp", "-a", root / directory, root / "usr"], check=True)
        versions = dict(self.installed)
        versions.update(name[:-len(".deb")].replace("%3a", ":").split("_")[:2] for name in names)
        (root / "packages").write_text("".join("%s %s\n" % pair for pair in versions.items()))

    def fetch(self):
        """The directory that holds the files of all packages."""
        (self.apt_directory / "archives/partial").mkdir(parents=True, exist_ok=True)
        (self.own_lists / "partial").mkdir(parents=True, exist_ok=True)
        with open(self.cache / ".callers-lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.write_status()
            for lists in None, self.own_lists:
                try:
                    return self.fetch_by(lists)
                except Unavailable:
                    pass  # no lists, or so old that the archives are gone
            self.apt("update", lists=self.own_lists)
            return self.fetch_by(self.own_lists)

    def fetch_by(self, lists):
        self.names = self.resolve(lists)
        key = hashlib.sha256("\n".join(self.names).encode()).hexdigest()[:16]
        root = self.cache / ("callers-" + key)
        if not (root / "packages").exists():
            self.apt("install", "--no-upgrade", "--download-only", *WANTED, lists=lists)
            for old in self.cache.glob("callers-" + "?" * 16):
                shutil.rmtree(old)
            self.unpack(root, self.names)
        return root


def versions(root):
    """The version of each package that runs here, without epochs."""
    pairs = (line.split() for line in (root / "packages").read_text().splitlines())
    return {name: version.rpartition(":")[2] for name, version in pairs}
