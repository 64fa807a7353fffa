"""The callers: how each program is run, and what must come of it."""

import pathlib
import re
import shutil
import subprocess

from machine import BASE, HOST, expect

A = "alice@" + HOST
ALICE = "alice@example.net"
BOB = "bob@example.org"
HIDDEN = "hidden@example.org"
ADMIN = "admin@example.net"  # the alias of root
REFUSED = "permfail@example.org"
SCRIPTS = BASE / "scripts"
NOWHERE = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}
DOTTED = b"first\r\n.\r\nlast\r\n"
CAFE = "caf\u00e9".encode()


class Caller:
    """A program, and the call of sendmail that it makes. ARGV is run; PACKAGE has its version.
    TOKEN is what its message can be known by. STATUS is what the program must end with, SAYS what
    it must print then (nothing, unless set). PROCESS is the name of the process that calls
    sendmail, or its directory, where it does not hand its environment on. LATE: its mail comes
    later than the program's end."""

    def __init__(self, name, package, argv, *, token=None, user="alice", stdin=b"", sender=A,
                 to=(BOB,), body=None, check=None, status=0, says=None, before=None, env=None,
                 messages=1, connections=1, late=False, process=None):
        self.name, self.package, self.argv, self.user = name, package, argv, user
        self.token = (token or "call_" + re.sub(r"\W+", "_", name)).encode()
        self.stdin, self.sender, self.to = stdin, sender, sorted(to)
        self.body, self.check, self.status, self.says = body, check, status, says
        self.before, self.env, self.late = before, env or {}, late
        self.messages, self.connections, self.process = messages, connections, process
        self.refused = not to

    def key(self):
        return re.sub(r"\W+", "-", self.name)

    def look(self, message):
        """Is what arrived what this program means?"""
        expect(message.sender == self.sender, "from <%s>, not <%s>", message.sender, self.sender)
        for name in "bare_lf", "bare_cr", "nul":
            expect(message.envelope[name] == 0, "%d %s on the wire", message.envelope[name], name)
        expect(HIDDEN.encode() not in message.content, "Bcc can be read")
        expect(b"\r\r" not in message.content, "CRCRLF")
        for name in "from", "date", "message-id":
            expect(isinstance(message[name], str) and message[name], "%s: %s", name, message[name])
        for name in "from", "to", "cc", "reply-to", "sender":
            for value in message.all(name):
                expect("@" in value, "%s: %s is not qualified", name, value)
        if self.body is not None:
            expect(message.body == self.body, "body is %r", message.body[:200])
        if self.check:
            self.check(message)


def has(*words):
    """A check: the words are in the message."""
    def check(message):
        for word in words:
            expect(word in message.content, "no %r in it", word)
    return check


def field(name, value, *words):
    """A check: the header field, and words."""
    def check(message):
        expect(message[name] == value, "%s: %r, not %r", name, message[name], value)
        has(*words)(message)
    return check


def write(path, text, uid=0, mode=0o644):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


class Cron:
    """Runs from the start: it looks at the clock once a minute only."""

    def start(self, machine):
        spool = pathlib.Path("/var/spool/cron/crontabs")
        for name, text in (("root", "* * * * * echo call_cron; echo caf\u00e9\n"),
                           ("alice", "MAILTO=%s\n* * * * * echo call_cron_refused\n" % REFUSED)):
            write(spool / name, text, mode=0o600)
            if name != "root":
                shutil.chown(spool / name, name)
        for path in pathlib.Path("/etc/cron.d").glob("*"):
            path.unlink()
        write("/etc/crontab", "")
        environment = machine.environment("root")
        environment["LC_ALL"] = "C.UTF-8"
        machine.start(["/usr/sbin/cron", "-f"], "root", env=environment, **NOWHERE)


class At:
    def start(self, machine):
        sequence = write("/var/spool/cron/atjobs/.SEQ", "00000", mode=0o600)
        shutil.chown(sequence, "daemon", "daemon")
        machine.start(["/usr/sbin/atd", "-f"], "root", **NOWHERE)


def git_repository(machine, home):
    write(home / ".gitconfig", "[user]\nname = Alice Example\nemail = %s\n[init]\n"
          "defaultBranch = main\n" % ALICE)


def mh_profile(machine, home):
    write(home / ".mh_profile", "Path: Mail\n")
    (home / "Mail").mkdir(exist_ok=True)


def draft(token, to=BOB):
    """For nmh: a draft in the place where it looks."""
    def before(machine, home):
        mh_profile(machine, home)
        write(home / "Mail/draft", "From: Alice <%s>\nTo: %s\nBcc: %s\nSubject: %s\n--------\n"
              "first\n.\nlast\n" % (ALICE, to, HIDDEN, token))
    return before


def php(*arguments):
    extensions = [word for name in ("mbstring", "intl", "ctype", "iconv", "tokenizer")
                  for word in ("-d", "extension=" + name)] if "symfony.php" in arguments[0] else []
    return ["php8.2", *extensions, str(SCRIPTS / arguments[0]), *arguments[1:]]


def script(interpreter, name, *arguments):
    return [interpreter, str(SCRIPTS / name), *arguments]


def emacs(what):
    return ["emacs-nox", "-Q", "--batch", "-l", str(SCRIPTS / "mail.el"), what]


GIT = ("git init -q {0} && cd {0} && echo {1} >file && git add file && git commit -qm {1} && "
       "git send-email --quiet --confirm=never --suppress-cc=all --to={2} --cc=carl@example.org "
       "--root HEAD")
PROCMAIL = ("From alice Mon Nov 23 14:00:00 2026\nFrom: alice@example.net\nTo: alice\n"
            "Subject: call_procmail\n\nfirst\n.\nlast\n").encode()


def shell(command, *words):
    return ["sh", "-c", command.format(*words)]


def refused(name, package, argv, **more):
    """The same kind of call, for a recipient whom the smarthost refuses."""
    return Caller(name + " (refused)", package, argv, to=(), sender=None, **more)


LOG = "Nov 24 12:00:00 box sshd[77]: Accepted publickey for alice from 192.0.2.1 port 22 ssh2\n"
MUTT = ["mutt", "-n", "-F", "/dev/null", "-e", "set copy=no", "-s"]
MUTT_FROM = ["-e", "set use_envelope_from from=alice@example.net"]
SNAIL = ["s-nail", "-:/", "-S", "sendwait", "-s"]
SEND = "/usr/bin/mh/send"
PHP_BODY = DOTTED + b"\r\n"  # PHP adds a line end

CALLERS = [
    Caller("cron", "cron", Cron(), user="root", sender="root@" + HOST, to=(ADMIN,), late=True,
           process="cron", check=field("from", "root@%s (Cron Daemon)" % HOST, CAFE)),
    refused("cron", "cron", None, token="call_cron_refused", late=True, process="cron"),
    Caller("at", "at", shell("echo echo call_at | at now"), to=(A,), says=r"job \d+ at",
           late=True, process="atd", check=field("to", A)),
    Caller("sudo", "sudo", ["sudo", "-n", "/usr/bin/printf", "call_sudo"], to=(ADMIN,),
           says="^call_sudo$", messages=2, connections=2, late=True, process="sudo",
           check=field("to", "root@" + HOST)),
    Caller("mdadm", "mdadm", ["mdadm", "--monitor", "--test", "--oneshot", "--mail=root",
                              "/dev/md99"],
           token="md99", user="root", sender="root@" + HOST, to=(ADMIN,), says="",
           check=field("from", "mdadm monitoring <root@box>", b"TestMessage")),
    Caller("git send-email", "git-email", shell(GIT, "a", "call_git_send_email", BOB),
           to=(BOB, "carl@example.org"), before=git_repository, says="^Sent ",
           check=has(b"+call_git_send_email\r\n-- \r\n")),
    refused("git send-email", "git-email", shell(GIT, "b", "call_git_refused", REFUSED),
            before=git_repository, status=67, says="no such user"),
    Caller("mutt", "mutt", MUTT + ["call_mutt", *MUTT_FROM, "-b", HIDDEN, "--", BOB],
           stdin=b"first\n.\nlast\n", sender=ALICE, to=(BOB, HIDDEN), body=DOTTED),
    refused("mutt", "mutt", MUTT + ["call_mutt_refused", "--", REFUSED], stdin=b"body\n", status=1,
            says="no such user"),
    Caller("s-nail", "s-nail", SNAIL + ["call_s_nail", BOB], stdin=b"first\n.\nlast\n", body=DOTTED,
           check=field("from", "Alice Example <%s>" % A)),
    refused("s-nail", "s-nail", SNAIL + ["call_s_nail_refused", REFUSED], stdin=b"body\n",
            status=4, says="no such user"),
    Caller("bsd-mailx", "bsd-mailx", ["bsd-mailx", "-s", "call_bsd_mailx", "-b", HIDDEN, BOB],
           stdin=b"first\nlast\n", to=(BOB, HIDDEN), body=b"first\r\nlast\r\n",
           check=field("from", "Alice Example <%s>" % A)),
    Caller("GNU mailutils", "mailutils", ["mail.mailutils", "-s", "call_GNU_mailutils", "root"],
           stdin=b"first\nlast\n", to=(ADMIN,), body=b"first\r\nlast\r\n",
           check=field("to", "root@" + HOST)),
    Caller("nmh, pipe", "nmh", [SEND, "-mts", "sendmail/pipe", "draft"], to=(BOB, HIDDEN),
           before=draft("call_nmh_pipe"), messages=2, connections=2, check=has(DOTTED)),
    Caller("nmh, smtp", "nmh", [SEND, "-mts", "sendmail/smtp", "draft"], to=(BOB, HIDDEN),
           sender=ALICE, before=draft("call_nmh_smtp"), messages=2, check=has(DOTTED)),
    refused("nmh, smtp", "nmh", [SEND, "-mts", "sendmail/smtp", "draft"], status=1,
            before=draft("call_nmh_refused", REFUSED), says="no such user"),
    Caller("procmail", "procmail", ["procmail", "-m", "rc"], stdin=PROCMAIL, body=DOTTED + b"\r\n",
           process=str(BASE / "home/alice/procmail"),
           before=lambda machine, home: write(home / "rc", ":0\n! bob@example.org\n"),
           check=field("to", A)),
    Caller("PHP mail(), CRLF", "php8.2-cli", php("mail.php", "crlf"), token="call_php_crlf",
           sender="php@example.net", body=PHP_BODY, to=(BOB, HIDDEN)),
    Caller("PHP mail(), LF", "php8.2-cli", php("mail.php", "lf"), token="call_php_lf",
           sender="php@example.net", body=PHP_BODY, to=(BOB, HIDDEN)),
    refused("PHP mail()", "php8.2-cli", php("refused.php"), says="no such user"),
    Caller("Symfony Mailer, -bs", "php-symfony-mailer",
           php("symfony.php", "-bs", BOB, "call_symfony_bs", "3"), token="call_symfony_bs",
           sender=ALICE, to=(BOB, HIDDEN), messages=3),
    refused("Symfony Mailer, -bs", "php-symfony-mailer",
            php("symfony.php", "-bs", REFUSED, "call_symfony_refused", "1"), status=3,
            says="550 5.1.1 no such user"),
    Caller("Symfony Mailer, -t", "php-symfony-mailer",
           php("symfony.php", "-t", BOB, "call_symfony_t", "1"), token="call_symfony_t",
           sender=ALICE, to=(BOB, HIDDEN)),
    Caller("Email::Sender", "libemail-sender-perl",
           script("perl", "email-sender.pl", BOB, "call_Email_Sender"), sender=ALICE, body=DOTTED),
    refused("Email::Sender", "libemail-sender-perl",
            script("perl", "email-sender.pl", REFUSED, "call_email_refused"), status=3,
            says="error when closing pipe"),
    Caller("MIME::Lite", "libmime-lite-perl", script("perl", "mime-lite.pl"),
           token="call_mime_lite", sender=ALICE, to=(BOB, HIDDEN), check=has(DOTTED)),
    Caller("Mail::Mailer", "libmailtools-perl", script("perl", "mail-mailer.pl"),
           token="call_mail_mailer", to=(BOB, HIDDEN), body=b"first\r\nlast\r\n"),
    Caller("Ruby mail", "ruby-mail", script("ruby3.1", "mail.rb"), token="call_ruby",
           sender=ALICE, to=(BOB, HIDDEN), body=DOTTED),
    Caller("nodemailer", "node-nodemailer", script("node", "nodemailer.js", BOB, "call_nodemailer"),
           sender=ALICE, to=(BOB, HIDDEN)),
    Caller("nodemailer, LF", "node-nodemailer",
           script("node", "nodemailer.js", BOB, "call_nodemailer_LF", "unix"),
           sender=ALICE, to=(BOB, HIDDEN)),
    refused("nodemailer", "node-nodemailer",
            script("node", "nodemailer.js", REFUSED, "call_nodemailer_refused"), status=3,
            says="exited with code 67"),
    Caller("Emacs, sendmail.el", "emacs-nox", emacs("sendmail"), token="call_emacs_sendmail",
           sender=ALICE, to=(BOB, HIDDEN), says="^Sending...done$"),
    Caller("Emacs, message.el", "emacs-nox", emacs("message"), token="call_emacs_message",
           sender=ALICE, to=(BOB, HIDDEN), says="^Sending...done$"),
    refused("Emacs, sendmail.el", "emacs-nox", emacs("refused"), status=255,
            says="Sending...failed"),
    Caller("smartd, by mailx", "smartmontools",
           ["/usr/share/smartmontools/smartd-runner", "-s", "call_smartd", "root"],
           token="call_smartd", user="root", sender="root@" + HOST, to=(ADMIN,),
           stdin=b"This message was generated by the smartd daemon.\n",
           check=has(b"generated by the smartd daemon")),
    Caller("logwatch", "logwatch", ["logwatch", "--output", "mail", "--mailto", "root",
                                    "--service", "sshd", "--range", "all"],
           token="Logwatch for", user="root", sender="root@" + HOST, to=(ADMIN,),
           before=lambda machine, home: write("/var/log/auth.log", LOG),
           check=field("to", "root@" + HOST, b"192.0.2.1: 1 Time")),
]
