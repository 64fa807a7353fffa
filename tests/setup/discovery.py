"""What the network says of where mail is submitted: records for the zones of tests/network, and
documents over HTTPS."""

import http.server
import ssl
import threading

import net

PLAIN, STRICT, UNFIT, STARTTLS, OPEN, WEB, TOKENS = (f"198.51.100.{n}" for n in range(10, 17))

SIGNED = f"""
smtp.plain A {PLAIN}
_submissions._tcp.plain SRV 0 1 465 smtp.plain
smtp.strict A {STRICT}
_submissions._tcp.strict SRV 0 1 465 smtp.strict
smtp.unfit A {UNFIT}
_submissions._tcp.unfit SRV 0 1 465 smtp.unfit
smtp.old A {STARTTLS}
_submissions._tcp.open SRV 0 1 465 smtp.open
smtp.open A {OPEN}
_submissions._tcp.far SRV 0 1 465 mx.elsewhere.example.
smtp.gone A {net.RESET}
_submissions._tcp.pair SRV 0 1 465 smtp.gone
_submissions._tcp.pair SRV 10 1 465 smtp.plain
mailboxes A {PLAIN}
_submissions._tcp.hosted SRV 0 1 465 smtp.gmail.com.
"""

HOSTILE = ("loop", "control", "zero", "clear", "entity", "garbage")
UNSIGNED = f"""
smtp.in A {PLAIN}
_submissions._tcp.in SRV 0 1 465 smtp.in
_submissions._tcp.far SRV 0 1 465 mx.elsewhere.example.
_submissions._tcp.port0 SRV 0 1 0 smtp.in
_submissions._tcp.here SRV 0 1 465 localhost.
_submissions._tcp.single SRV 0 1 465 router.
_submissions._tcp.none SRV 0 1 0 .
_submission._tcp.none SRV 0 1 0 .
corp MX 10 aspmx.l.google.com.
smtp.auto A {PLAIN}
smtp.tokens A {TOKENS}
""" + "".join(f"autoconfig.{label} A {WEB}\n" for label in (
    "auto", "away", "tokens", *HOSTILE))

MORE = {"good.example": SIGNED.replace("smtp.old A", "smtp.old A").replace(
    "_submissions._tcp.open ", "_submissions._tcp.open "), "open.example": UNSIGNED}
OTHERS = {"gmail.com": f"smtp A {PLAIN}\n"}

NAMES = ["smtp.plain.good.example", "smtp.strict.good.example", "smtp.old.good.example",
         "smtp.open.good.example", "smtp.in.open.example", "smtp.auto.open.example",
         "live.old.good.example", "mx.elsewhere.example", "smtp.gmail.com",
         "mailboxes.good.example", "smtp.hidden.example", "smtp.tokens.open.example",
         *(f"autoconfig.{label}.open.example" for label in ("auto", "away", "tokens", *HOSTILE))]

DOCUMENT = """<?xml version="1.0"?>
%s<clientConfig version="1.1"><emailProvider id="x"><domain>x</domain>
<outgoingServer type="smtp"><hostname>%s</hostname><port>%s</port><socketType>%s</socketType>
<authentication>password-cleartext</authentication><username>%%EMAILLOCALPART%%</username>
</outgoingServer></emailProvider></clientConfig>
"""
BY_TOKEN = """<?xml version="1.0"?>
<clientConfig version="1.1"><emailProvider id="x"><domain>x</domain>
<outgoingServer type="smtp"><hostname>smtp.%s.open.example</hostname><port>465</port>
<socketType>SSL</socketType><authentication>OAuth2</authentication>
<username>%%EMAILADDRESS%%</username></outgoingServer></emailProvider>
<oAuth2><issuer>%s</issuer><scope>mail</scope></oAuth2></clientConfig>
"""
DOCUMENTS = {
    "auto": DOCUMENT % ("", "smtp.auto.open.example", 465, "SSL"),
    "away": DOCUMENT % ("", "mx.elsewhere.example", 465, "SSL"),
    "loop": DOCUMENT % ("", "127.0.0.1", 465, "SSL"),
    "control": DOCUMENT % ("", "smtp.&#27;[31m.open.example", 465, "SSL"),
    "zero": DOCUMENT % ("", "smtp.auto.open.example", 0, "SSL"),
    "clear": DOCUMENT % ("", "smtp.auto.open.example", 25, "plain"),
    "entity": DOCUMENT % ('<!DOCTYPE x [<!ENTITY h "smtp.auto.open.example">]>', "&h;", 465, "SSL"),
    "garbage": "\x1b[31m<html>",
}


class Autoconfig:
    """Serves the documents at ADDRESS. ISSUERS: by label, of those who log in with tokens only."""

    def __init__(self, address, cert, issuers):
        self.asked = asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host = self.headers.get("Host", "")
                asked.append(host + self.path)
                label = host.split(".")[1] if "." in host else ""
                text = DOCUMENTS.get(label)
                if label in issuers:
                    text = BY_TOKEN % (label, issuers[label])
                found = text and self.path.startswith("/mail/config-v1.1.xml")
                body = text.encode() if found else b"no"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer((address, 443), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
