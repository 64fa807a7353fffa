"""A smarthost that stops at a stage until it is told to go on."""

import socket
import threading


class Staller:
    def __init__(self, stage=None, path=None):
        self.stage = stage           # greeting, mail, data, end
        self.go = threading.Event()
        self.reached = threading.Event()
        self.taken = []              # contents
        self.connections = 0
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(str(path))
            self.socket.listen(5)
        else:
            self.socket = socket.create_server(("127.0.0.1", 0))
            self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def settings(self):
        return ("host = 127.0.0.1", "port = %d" % self.port, "tls = none", "auth = none")

    def stall(self, stage):
        self.stage = stage
        self.go.clear()
        self.reached.clear()

    def accept(self):
        while True:
            s, _ = self.socket.accept()
            self.connections += 1
            threading.Thread(target=self.talk, args=(s,), daemon=True).start()

    def at(self, stage):
        if self.stage == stage:
            self.reached.set()
            self.go.wait(60)

    def talk(self, s):
        try:
            self.dialogue(s, s.makefile("rb"))
        except OSError:
            pass
        s.close()

    def dialogue(self, s, lines):
        self.at("greeting")
        s.sendall(b"220 staller ESMTP\r\n")
        while line := lines.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                s.sendall(b"250-staller\r\n250 8BITMIME\r\n")
            elif verb == b"MAIL":
                self.at("mail")
                s.sendall(b"250 ok\r\n")
            elif verb == b"DATA":
                self.at("data")
                s.sendall(b"354 go\r\n")
                content = b""
                while (line := lines.readline()) not in (b".\r\n", b""):
                    content += line
                if not line:
                    return
                self.at("end")
                self.taken.append(content)
                s.sendall(b"250 2.0.0 ok\r\n")
            elif verb == b"QUIT":
                s.sendall(b"221 bye\r\n")
                return
            else:
                s.sendall(b"250 ok\r\n")
