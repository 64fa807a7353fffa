"""The network: addresses that answer, refuse or swallow, and a server that takes mail at them."""

import socket
import ssl
import subprocess
import threading

LIVE4, LIVE6 = "198.51.100.1", "2001:db8:1::1"
HOLE4, HOLE6 = "192.0.2.9", "2001:db8:dead::9"  # nobody ever answers
RESET = "127.0.0.99"  # nobody listens: refused at once
RESET6 = "2001:db8:1::99"
FAR_RESOLVER = "198.51.100.54"  # not a loopback address


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def build():
    """What only a namespace can have."""
    ip("link", "set", "lo", "up")
    for address in (LIVE4 + "/32", FAR_RESOLVER + "/32"):
        ip("address", "add", address, "dev", "lo")
    for address in (LIVE6 + "/128", RESET6 + "/128"):
        ip("-6", "address", "add", address, "dev", "lo", "nodad")
    # a wire whose other end is deaf: the hardware address that is asked for is nobody's
    ip("link", "add", "hole", "type", "veth", "peer", "name", "deaf")
    for end in "hole", "deaf":
        ip("link", "set", end, "up")
    ip("address", "add", "192.0.2.1/24", "dev", "hole")
    ip("-6", "address", "add", "2001:db8:dead::1/64", "dev", "hole", "nodad")
    for address in HOLE4, HOLE6:
        ip("neighbour", "add", address, "lladdr", "02:00:00:00:00:99", "dev", "hole", "nud",
           "permanent")


class Sink:
    """A server at ADDRESS and PORT with the certificate CERT (PEM with its chain and key)."""

    def __init__(self, address, port, cert):
        self.implicit = port != 587
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert)
        self.context.sni_callback = self.take_name
        self.connections, self.messages, self.name = 0, 0, None
        self.listener = socket.create_server(
            (address, port), backlog=16,
            family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        threading.Thread(target=self.serve, daemon=True).start()

    def take_name(self, _socket, name, _context):
        self.name = name

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            self.connections += 1
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(60)
            if self.implicit:
                connection = self.context.wrap_socket(connection, server_side=True)
            connection.sendall(b"220 sink ESMTP\r\n")
            self.commands(connection)
        except OSError:
            pass
        finally:
            connection.close()

    def commands(self, connection):
        file = connection.makefile("rb")
        for line in file:
            word = line.strip().upper().split(b" ")[0]
            if word == b"STARTTLS":
                connection.sendall(b"220 go on\r\n")
                connection = self.context.wrap_socket(connection, server_side=True)
                file = connection.makefile("rb")
                return self.commands(connection)
            if word == b"EHLO":
                tls = isinstance(connection, ssl.SSLSocket)
                connection.sendall(b"250-sink\r\n" + (b"" if tls else b"250-STARTTLS\r\n") +
                                   b"250 PIPELINING\r\n")
            elif word == b"DATA":
                connection.sendall(b"354 go on\r\n")
                while file.readline() not in (b".\r\n", b""):
                    pass
                self.messages += 1
                connection.sendall(b"250 2.0.0 taken\r\n")
            else:
                connection.sendall(b"250 ok\r\n")
            if word == b"QUIT":
                return None
        return None
