"""The scripted server: plays the S: and C: lines of a case on a port of its own."""

import re
import socket
import ssl
import struct
import threading
import time

from case import CaseError, octets, pattern

QUIET = 0.05  # seconds in which a client that must wait may not send anything


class Deviation(Exception):
    """The client did something else than the script says."""


def tls_context(ca, variant, version, wants=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain("%s/%s.pem" % (ca, variant), "%s/%s-key.pem" % (ca, variant))
    if version:
        number = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
        context.minimum_version = context.maximum_version = number
    if wants:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations("%s/ca.pem" % ca)
    return context


class Connection:
    """One accepted connection with what it has received and not yet used."""

    def __init__(self, sock, deadline):
        self.sock, self.deadline = sock, deadline
        self.buffer, self.ended = b"", False
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def receive(self, seconds=None):
        """Takes in what comes within SECONDS (None: until the deadline); False if nothing did."""
        left = self.deadline - time.monotonic()
        wait = left if seconds is None else min(seconds, left)
        if self.ended or wait <= 0:
            return False
        self.sock.settimeout(wait)
        try:
            data = self.sock.recv(1 << 16)
        except (TimeoutError, ssl.SSLWantReadError):
            return False
        except OSError:
            data = b""
        self.ended = not data
        self.buffer += data
        return bool(data)

    def line(self):
        """The next line without its CRLF, None when the client is gone."""
        while b"\r\n" not in self.buffer:
            if b"\n" in self.buffer:
                raise Deviation("a bare LF in %r" % self.buffer[:200])
            if not self.receive():
                if self.ended:
                    return None
                raise Deviation("the client waits%s" % (
                    " after %r" % self.buffer if self.buffer else ""))
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def take(self, n):
        while len(self.buffer) < n:
            if not self.receive():
                raise Deviation("%d octets expected, %d came" % (n, len(self.buffer)))
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def until(self, mark):
        while mark not in self.buffer:
            if not self.receive():
                raise Deviation("no end of data; the last octets: %r" % self.buffer[-200:])
        at = self.buffer.index(mark) + len(mark)
        data, self.buffer = self.buffer[:at], self.buffer[at:]
        return data

    def send(self, data):
        self.sock.settimeout(max(0.1, self.deadline - time.monotonic()))
        try:
            self.sock.sendall(data)
        except OSError:
            self.ended = True

    def close(self, reset=False):
        try:
            if reset:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
        except OSError:
            pass


class Server(threading.Thread):
    """Plays the steps of one server. After join(), `problem` says what went wrong, if anything."""

    def __init__(self, number, steps, variables, limit, path=None):
        super().__init__(daemon=True)
        self.steps, self.variables = steps, variables
        self.deadline = time.monotonic() + limit
        self.problem, self.at = None, None
        self.connections, self.contents = 0, []
        self.lockstep, self.split, self.pending = False, 0, b""
        self.contexts = {}  # kept, so that a session can be resumed
        self.finished = threading.Event()
        self.wanted = 1 + sum(s.kind == "*accept" for s in steps) if steps else 0
        self.refuse = any(s.kind == "*refuse" for s in steps)
        if self.refuse:
            self.wanted = 0
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
        else:
            self.listener = socket.socket()
            self.listener.bind(("127.0.0.1", 0))
            variables["port" if number == 1 else "port%d" % number] = \
                self.listener.getsockname()[1]
        if not self.refuse:
            self.listener.listen(16)
        self.connection = None

    def run(self):
        if self.refuse:
            return
        try:
            if self.steps:
                self.accept()
            for index, step in enumerate(self.steps):
                self.at = step
                self.play(step, self.steps[index + 1] if index + 1 < len(self.steps) else None)
            self.at = None
            self.leave()
        except (Deviation, CaseError) as e:
            self.problem = "%s: %s" % (self.at or "at the end", e)
        except OSError as e:
            self.problem = "%s: %s" % (self.at or "at the end", e)
        if self.connection:
            self.connection.close()
        self.count_others()

    def accept(self):
        while not self.finished.is_set() and time.monotonic() < self.deadline:
            self.listener.settimeout(0.05)
            try:
                sock, _ = self.listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            self.connection = Connection(sock, self.deadline)
            return
        raise Deviation("the client did not connect")

    def count_others(self):
        """Connections that the script does not know are closed and counted."""
        while True:
            self.listener.settimeout(0 if self.finished.is_set() else 0.05)
            try:
                sock, _ = self.listener.accept()
                self.connections += 1
                sock.close()
            except (TimeoutError, BlockingIOError):
                if self.finished.is_set() or time.monotonic() > self.deadline:
                    break
            except OSError:
                break
        self.listener.close()

    def leave(self):
        """What a client may do at the end of the script: QUIT, and it must close."""
        connection = self.connection
        if not connection or connection.sock.fileno() < 0:
            return
        self.must_go(rb"(QUIT\r\n)?")

    def play(self, step, following):
        kind = step.kind
        if self.pending and kind not in ("S:", "*raw"):
            self.say(self.pending)
            self.pending = b""
        if kind in ("S:", "*raw"):
            self.pending += octets(step.text, self.variables) + (b"\r\n" if kind == "S:" else b"")
            if self.split or following is None or following.kind not in ("S:", "*raw"):
                self.say(self.pending)
                self.pending = b""
        elif kind in ("C:", "C~"):
            self.hear(step)
            if following is not None and following.kind == "S:":
                self.must_wait(QUIET if self.lockstep else None)
        else:
            method = getattr(self, "do_" + kind[1:].replace("-", "_"), None)
            if not method:
                raise CaseError("unknown step %s" % kind)
            method(step.text)

    def say(self, data):
        if not self.split:
            self.connection.send(data)
            return
        for i in range(len(data)):
            if self.connection.ended or time.monotonic() > self.deadline:
                break
            self.connection.send(data[i:i + 1])
            time.sleep(self.split)
        self.split = 0

    def hear(self, step):
        line = self.connection.line()
        if line is None:
            raise Deviation("the client closed the connection (%r)" % self.connection.buffer)
        if step.kind == "C:":
            good = pattern(step.text, self.variables).fullmatch(line)
        else:
            good = re.fullmatch(step.text.encode(), line, re.S)
        if not good:
            raise Deviation("the client sent %r" % line[:500])

    def must_wait(self, seconds=None):
        """Nothing may have come that the script has not asked for."""
        if seconds:
            self.connection.receive(seconds)
        if self.connection.buffer:
            raise Deviation("the client did not wait: %r" % self.connection.buffer[:300])

    def do_from(self, text):
        """The connection must come from this address."""
        if self.connection.sock.getpeername()[0] != text:
            raise Deviation("the client is %s" % self.connection.sock.getpeername()[0])

    def do_lockstep(self, text):
        """From now on (or for "off" no longer) the client may not send ahead."""
        self.lockstep = text != "off"

    def do_quiet(self, text):
        self.must_wait(float(text or QUIET))

    def do_tls(self, text):
        words = text.split()
        fails, refuses = "fails" in words, "refuses" in words
        wants = refuses or "wants" in words
        tickets = "ticketless" not in words
        words = [w for w in words if w not in ("fails", "refuses", "wants", "ticketless")]
        version = next((w for w in words if w[0] == "1"), None)
        variant = next((w for w in words if w[0] != "1"), "good")
        connection = self.connection
        if connection.buffer:
            raise Deviation("something came before TLS: %r" % connection.buffer[:200])
        if (variant, version, wants) not in self.contexts:
            self.contexts[variant, version, wants] = tls_context(self.variables["ca"], variant,
                                                                 version, wants)
        context = self.contexts[variant, version, wants]
        context.num_tickets = 2 if tickets else 0
        connection.sock.settimeout(max(0.1, self.deadline - time.monotonic()))
        try:
            connection.sock = context.wrap_socket(connection.sock, server_side=True)
        except OSError as e:
            if not fails and not refuses:
                raise Deviation("TLS: %s" % e) from None
            connection.close()
            return
        if refuses:
            raise Deviation("the server takes the client's certificate")
        # in TLS 1.3 the server is done before the client has said what it thinks
        if fails:
            connection.receive(2)
            if connection.buffer or not connection.ended:
                raise Deviation("the client accepts the certificate: %r" % connection.buffer)
            connection.close()

    def do_socks(self, text):
        """Plays a SOCKS5 proxy: HOST PORT [login] [reply N] [method N]; then it is the server."""
        words = text.split()
        host, port, words = words[0], words[1], words[2:]
        if port.startswith("{"):
            port = octets(port, self.variables).decode()
        option = {w: int(words[i + 1]) for i, w in enumerate(words) if w in ("reply", "method")}
        connection = self.connection
        version, count = connection.take(2)
        methods = connection.take(count)
        wanted = 2 if "login" in words else 0
        if version != 5 or wanted not in methods:
            raise Deviation("SOCKS: version %d, methods %r" % (version, methods))
        connection.send(bytes([5, option.get("method", wanted)]))
        if "method" in option:
            return
        if wanted == 2:
            version, count = connection.take(2)
            user = connection.take(count)
            password = connection.take(connection.take(1)[0])
            good = (version, user, password) == (1, b"alice", b"wonderland")
            connection.send(bytes([1, not good]))
            if not good:
                return
        request = connection.take(4)
        if request[3] == 3:
            asked = connection.take(connection.take(1)[0]).decode()
        else:
            family, size = {1: (socket.AF_INET, 4), 4: (socket.AF_INET6, 16)}[request[3]]
            asked = socket.inet_ntop(family, connection.take(size))
        asked_port = struct.unpack(">H", connection.take(2))[0]
        if request[:3] != b"\5\1\0" or (asked, str(asked_port)) != (host, port):
            raise Deviation("SOCKS: %r asks for %s port %d" % (request, asked, asked_port))
        self.must_wait()
        reply = bytes([5, option.get("reply", 0), 0])
        # an address of the longest kind, so that the client must find its end
        self.pending = reply + (b"\3\xff" + b"x" * 255 if "long" in words else b"\1\0\0\0\0")
        self.pending += b"\0\0"
        if "reply" in option:
            connection.send(self.pending)
            self.pending = b""

    def do_resumed(self, text):
        """The client has resumed a TLS session; with "no": it has not."""
        if self.connection.sock.session_reused == (text == "no"):
            raise Deviation("the TLS session was%s resumed" % (" not" if text != "no" else ""))

    def do_starttls(self, text):
        if self.connection.line() != b"STARTTLS":
            raise Deviation("no STARTTLS")
        self.must_wait(QUIET)
        self.connection.send(b"220 2.0.0 go on\r\n")
        self.do_tls(text)

    def do_split(self, text):
        self.split = float(text or 0.005)

    def do_sleep(self, text):
        time.sleep(float(text))

    def do_close(self, _):
        self.connection.close()

    def do_reset(self, _):
        self.connection.close(reset=True)

    def do_stall(self, _):
        """Says nothing until the client goes away."""
        while not self.connection.ended and time.monotonic() < self.deadline:
            if self.connection.receive(0.2):
                self.connection.buffer = b""
        self.connection.close()

    def do_endless(self, text):
        """Sends a line again and again until the client goes away."""
        while not self.connection.ended and time.monotonic() < self.deadline:
            self.connection.send(octets(text, self.variables) + b"\r\n")
        self.connection.close()

    def must_go(self, polite):
        """The client must close; before that it may say what matches POLITE."""
        connection = self.connection
        while True:
            if not re.fullmatch(polite, connection.buffer):
                raise Deviation("the client sent %r" % connection.buffer[:300])
            if not connection.receive():
                break
        if not connection.ended:
            raise Deviation("the client keeps the connection open")
        connection.close()

    def do_eof(self, _):
        """The client must close without another word."""
        self.must_go(rb"")

    def do_gone(self, _):
        """The client must close; it may say RSET and QUIT before, but nothing else."""
        self.must_go(rb"(RSET\r\n)?(QUIT\r\n)?")

    def do_data(self, _):
        """Takes the content of DATA and undoes its dots (RFC 5321 section 4.5.2)."""
        if not self.connection.buffer:
            self.connection.receive()
        if self.connection.buffer == b".\r\n":
            self.connection.take(3)
            self.contents.append(b"")
            return
        raw = b"\r\n" + self.connection.until(b"\r\n.\r\n")
        self.contents.append(raw.replace(b"\r\n..", b"\r\n.")[2:-3])

    def do_bdat(self, text):
        line = self.connection.line()
        m = re.fullmatch(rb"BDAT (\d+)( LAST)?", line or b"")
        if not m:
            raise Deviation("no BDAT: %r" % line)
        if text and text != line.decode()[5:] and text != (m.group(2) or b"").decode().strip():
            raise Deviation("BDAT %s expected, %r came" % (text, line))
        self.contents.append(self.connection.take(int(m.group(1))))

    def do_accept(self, _):
        if self.connection and self.connection.sock.fileno() >= 0:
            self.leave()
            self.connection.close()
        self.accept()
