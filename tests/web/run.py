#!/usr/bin/env python3
"""Requests over HTTPS: what is trusted, what servers may do wrong, what they say about themselves.

Needs WEB_PROBE, and libcurl at run time; no network, no rights. TAP."""

import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "oauth"), str(HERE.parent / "support")]

import assertion  # noqa: E402
import server as oauth  # noqa: E402
from peers import Proxy, Raw  # noqa: E402
from submission import Tap  # noqa: E402

PROBE = os.environ.get("WEB_PROBE", "")
PLAIN = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


def probe(*words, **environment):
    """Status, first line, the rest, and how long it took."""
    start = time.monotonic()
    done = subprocess.run([PROBE, *words], capture_output=True, env={**PLAIN, **environment},
                          timeout=60, check=False)
    first, _, rest = done.stdout.decode(errors="replace").partition("\n")
    if done.stderr:
        first += " STDERR: " + done.stderr.decode(errors="replace")
    return done.returncode, first, rest, time.monotonic() - start


class Bench:
    def __init__(self, tap, server, directory):
        self.tap, self.server, self.dir = tap, server, pathlib.Path(directory)
        self.made = server.made

    def fetch(self, path, *words, trust=True, **environment):
        url = path if "://" in path else self.server.issuer + path
        words = list(words) + (["trust=" + self.server.trust] if trust else [])
        return probe("fetch", url, *words, **environment)

    def fails(self, name, got, status, *says):
        """GOT is a failure with this exit status, whose words hold each of SAYS."""
        self.tap.ok(got[0] == status and all(part in got[1] for part in says), name, *got)


# --- what is trusted

def trust(bench):
    tap, made = bench.tap, bench.made
    got = bench.fetch("/introspect")
    tap.ok(got[0] == 0 and got[1].startswith("200 0 https://localhost:") and
           json.loads(got[2]) == {"active": False}, "an answer", *got)
    entry = bench.server.requests("/introspect")[-1]["headers"]
    tap.ok(entry["User-Agent"].startswith("sendoff/") and "application/json" in entry["Accept"] and
           "Cookie" not in entry and "Authorization" not in entry, "what is said of ourselves", entry)
    bench.fails("an authority that the system does not know",
                bench.fetch("/introspect", trust=False), 69, "EX_UNAVAILABLE", "not trusted")
    bench.fails("another authority",
                bench.fetch("/introspect", "trust=" + made.path("odd"), trust=False), 69)
    with Raw(made, b"", certificate="domain") as raw:
        bench.fails("another name", bench.fetch(raw.url), 69, "localhost", "not trusted")
    got = bench.fetch(bench.server.issuer.replace("localhost", "127.0.0.1") + "/introspect")
    tap.ok(got[0] == 0, "an address that the certificate has", *got)
    bench.fails("no file of authorities", bench.fetch("/x", "trust=/nonexistent", trust=False), 78,
                "/nonexistent")
    for name, version, status in (("TLS 1.1", ssl.TLSVersion.TLSv1_1, 75),
                                  ("TLS 1.2", ssl.TLSVersion.TLSv1_2, 0)):
        with Raw(made, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", version) as raw:
            got = bench.fetch(raw.url)
            tap.ok(got[0] == status, name, *got)


def urls(bench):
    for url, says in (("http://localhost/", "https:// is wanted"), ("ftp://localhost/", "no https"),
                      ("localhost", "no https"), ("https://", "no URL"), ("", "no https"),
                      ("https:///x", "no URL"), ("https://u:p@localhost/", "no URL"),
                      ("https://localhost/a b", "percent-encoded"),
                      ("https://localhost/\r\nX: y", "percent-encoded"),
                      ("https://localhost/\u00e9", "percent-encoded"),
                      ("https://localhost:99999/", "URL"),
                      ("https://localhost/" + "x" * 3000, "no URL")):
        bench.fails("no URL: " + url[:30].replace("\r\n", "(CRLF)"), probe("fetch", url), 78, says)
    bench.fails("nobody listens", bench.fetch("https://localhost:1/"), 75, "localhost:1")
    bench.fails("no such name", bench.fetch("https://nothing.invalid/"),
                *((68, "nothing.invalid") if resolves() else (75, "nothing.invalid")))


def resolves():
    """Whether this machine learns that a name does not exist."""
    try:
        socket.getaddrinfo("nothing.invalid", 443)
    except socket.gaierror as error:
        return error.errno in (socket.EAI_NONAME, socket.EAI_NODATA)
    return False


# --- what servers do

def forever(part):
    while True:
        yield part


OK = b"HTTP/1.1 200 OK\r\n"


def misbehaviour(bench):
    for name, answer, status, says in (
            ("nothing", b"", 75, ""),
            ("no HTTP", b"220 mail.example ESMTP\r\n", 76, "no HTTP"),
            ("binary", b"\x00\x01\x02\x03\r\n\r\n", 76, "no HTTP"),
            ("closed early", OK + b"Content-Length: 10\r\n\r\nabc", 75, ""),
            ("closed in a chunk", OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\nabc", 75, ""),
            ("a chunk that is none", OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 75, ""),
            ("too large by its length", OK + b"Content-Length: 65537\r\n\r\n" + b"x" * 65537, 76,
             "too large"),
            ("header fields without end", forever(b"X-A: " + b"y" * 1000 + b"\r\n"), 76,
             "too large"),
            ("a header field without end", forever(b"y" * 4096), 75, ""),
            ("informational answers without end", forever(b"HTTP/1.1 100 Continue\r\n\r\n"), 76,
             "too large"),
            ("a body without end", forever(b"x" * 4096), 76, "")):
        if not isinstance(answer, bytes):
            start = OK if "header" in name else b"" if "answers" in name else OK + b"\r\n"
            answer = chain(start, answer)
        with Raw(bench.made, answer) as raw:
            got = bench.fetch(raw.url, "ms=8000")
            bench.fails(name, got, status, says)
            bench.tap.ok(got[3] < 7, name + ": at once", got[3])
    exact = OK + b"Content-Length: 65536\r\n\r\n" + b"x" * 65536
    with Raw(bench.made, exact) as raw:
        got = bench.fetch(raw.url)
        bench.tap.ok(got[0] == 0 and len(got[2]) == 65536, "the largest answer", got[:2])


def chain(first, rest):
    if first:
        yield first
    yield from rest


def waiting(bench):
    with Raw(bench.made, chain(OK + b"Content-Length: 1000\r\n\r\n", forever(b" ")), pause=0.1) as raw:
        got = bench.fetch(raw.url, "ms=700")
        bench.fails("a slow dribble", got, 75, "no answer in time")
        bench.tap.ok(0.5 < got[3] < 2.5, "ends at its deadline", got[3])
    silent = socket.create_server(("127.0.0.1", 0))
    got = bench.fetch("https://localhost:%d/" % silent.getsockname()[1], "ms=500")
    bench.fails("no handshake", got, 75, "no answer in time")
    bench.tap.ok(got[3] < 2.5, "ends at its deadline", got[3])
    silent.close()
    bench.fails("no time is left", bench.fetch("/x", "ms=0"), 75, "no time")


def answers(bench):
    tap, server = bench.tap, bench.server
    server.set(next=["503"])
    got = bench.fetch("/token")
    tap.ok(got[1].startswith("503 7 ") and "Unavailable" in got[2], "503 with Retry-After", *got)
    for value, seconds in (("0", 0), ("-5", 0), ("x", 0), ("100000000", 86400)):
        with Raw(bench.made, b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nRetry-After: %s\r\n\r\n" %
                 value.encode()) as raw:
            got = bench.fetch(raw.url)
            tap.ok(got[1].startswith("429 %d " % seconds), "Retry-After: " + value, *got)
    got = bench.fetch("/token", "form=a=1&b=%20", "user=id: %", "password=p+\u00e9")
    entry = server.requests("/token")[-1]
    tap.ok(entry["method"] == "POST" and entry["form"] == {"a": "1", "b": " "} and
           entry["headers"]["Content-Type"] == "application/x-www-form-urlencoded", "a form", entry)
    tap.ok(entry["headers"]["Authorization"] == "Basic aWQlM0ElMjAlMjU6cCUyQiVDMyVBOQ==",
           "Basic is encoded twice", entry)
    for how, status, says in (("fail", 76, "not to my taste"), ("large", 76, "too large"),
                              ("crash", 75, "signal 6")):
        bench.fails("a digest that ends with " + how, bench.fetch("/x", "digest=" + how), status,
                    "localhost", says)
    tap.ok(bench.fetch("/introspect", "digest=upper")[2] == '{"ACTIVE": FALSE}', "a digest")


def redirects(bench):
    tap, server = bench.tap, bench.server
    server.set(next=["redirect"])
    got = bench.fetch("/x")
    tap.ok(got[1].startswith("307 ") and got[1].endswith("/x"), "a redirect is an answer", *got)
    server.set(next=["redirect"])
    got = bench.fetch("/x", "redirects=1")
    tap.ok(got[1].startswith("404 ") and got[1].endswith("/token?again"), "or followed", *got)
    server.set(next=["redirect"])
    got = bench.fetch("/x", "redirects=1", "form=secret=1")
    tap.ok(got[1].startswith("307 ") and not any(
        entry["form"] for entry in server.requests("/token")[-1:]), "a form never", *got)
    server.set(next=["http"])
    before = len(server.log)
    bench.fails("not to http", bench.fetch("/x", "redirects=1"), 76, "http://localhost")
    tap.ok(len(server.log) == before + 1, "nor asked there")
    server.set(next=["redirect"] * 4)
    bench.fails("not for ever", bench.fetch("/x", "redirects=1"), 76, "redirects")
    server.set(next=[])


# --- what is around it

def proxies(bench):
    with Proxy() as proxy:
        got = bench.fetch("/introspect", https_proxy=proxy.url)
        bench.tap.ok(got[0] == 0 and len(proxy.seen) == 1 and
                     proxy.seen[0].startswith("CONNECT localhost:"), "https_proxy", *got)
        got = bench.fetch("/introspect", https_proxy=proxy.url, no_proxy="localhost")
        bench.tap.ok(got[0] == 0 and len(proxy.seen) == 1, "no_proxy", *got)
        bench.fails("a proxy is not trusted",
                    bench.fetch("/introspect", trust=False, https_proxy=proxy.url), 69)
    with Proxy(refuse=True) as proxy:
        bench.fails("a proxy that refuses", bench.fetch("/x", https_proxy=proxy.url), 75, "403")
    bench.fails("no proxy there", bench.fetch("/x", https_proxy="http://127.0.0.1:1"), 75)


def library(bench):
    """What stands in front of the system's libraries, and is none."""
    for name in ("libcurl-gnutls.so.4", "libcurl.so.4", "libexpat.so.1"):
        (bench.dir / "empty").mkdir(exist_ok=True)
        (bench.dir / "empty" / name).write_bytes(b"")
    bench.fails("no libcurl", bench.fetch("/x", LD_LIBRARY_PATH=str(bench.dir / "empty")), 78,
                "libcurl-gnutls.so.4 is needed", "install libcurl3-gnutls or libcurl4")
    (bench.dir / "empty" / "libcurl.so.4").unlink()
    got = bench.fetch("/introspect", LD_LIBRARY_PATH=str(bench.dir / "empty"))
    bench.tap.ok(got[0] in (0, 78), "the other libcurl, if it is there", *got)


# --- what servers say about themselves

def metadata(bench):
    tap, server = bench.tap, bench.server

    def ask(path=""):
        return probe("metadata", server.issuer + path, server.trust)

    def paths(count):
        return [entry["path"] for entry in server.log[-count:]]
    oauth_name, open_id = ("/.well-known/" + name for name in oauth.DISCOVERY)
    got = ask()
    tap.ok(got[1] == " ".join([server.issuer] + [
        server.issuer + "/" + name for name in ("authorize", "token", "device_authorization",
                                                "revoke")] + ["101"]), "metadata", *got)
    tap.ok(paths(1) == [oauth_name], "by the first name", paths(1))
    got = ask("/tenant/x")
    tap.ok(got[0] == 0 and paths(1) == [oauth_name + "/tenant/x"], "an issuer with a path", *got)
    bench.fails("a slash more is another issuer", ask("/"), 76, "another issuer")
    server.set(missing=[oauth.DISCOVERY[0]])
    got = ask("/tenant")
    tap.ok(got[0] == 0 and paths(2) == [oauth_name + "/tenant", "/tenant" + open_id],
           "by the second name", *got)
    server.set(missing=list(oauth.DISCOVERY))
    bench.fails("no metadata", ask(), 78, "says nothing", "oauth-token-url")
    server.set(missing=[])
    for name, fields, says in (
            ("another issuer", {"issuer": "https://evil.example"}, "https://evil.example"),
            ("no token endpoint", {"token_endpoint": None}, "token endpoint"),
            ("an endpoint by http", {"authorization_endpoint": "http://localhost/a"}, "https://")):
        server.set(metadata=fields)
        bench.fails(name, ask(), 76, says)
    server.set(metadata={})
    for what in ("html", "garbage", "huge", "empty"):
        server.set(next=[what])
        got = ask()
        tap.ok(got[0] == 0 and paths(1) == [open_id], "the first name has " + what, *got)
        server.set(next=[what] * 2)
        bench.fails("both have " + what, ask(), 76)
    for what in ("503", "429", "close"):
        server.set(next=[what])
        bench.fails("out of order: " + what, ask(), 75)
    server.set(next=[])


# --- what mail domains say

DOCUMENT = """<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="good.example">
<outgoingServer type="smtp"><hostname>smtp.%EMAILDOMAIN%</hostname><port>587</port>
<socketType>STARTTLS</socketType><username>%EMAILLOCALPART%</username>
<authentication>OAuth2</authentication></outgoingServer></emailProvider>
<oAuth2><issuer>id.good.example</issuer><scope>mail</scope></oAuth2></clientConfig>"""


def autoconfig(bench):
    tap, server = bench.tap, bench.server

    def ask(domain="good.example"):
        del server.log[:]
        return probe("autoconfig", "ann+x@good.example", domain, server.trust,
                     https_proxy=proxy.url)

    def paths():
        return [entry["path"] for entry in server.log]
    with Proxy(port=server.port) as proxy:
        server.set(autoconfig=DOCUMENT)
        got = ask()
        tap.ok(got[0] == 0 and got[2] == "smtp.good.example 587 starttls oauth ann+x\n" and
               got[1].startswith("1 https://id.good.example mail https://autoconfig.good.example/"),
               "autoconfiguration", *got)
        tap.ok(paths() == [oauth.AUTOCONFIG[0]] and
               server.log[0]["query"] == {"emailaddress": "ann+x@good.example"} and
               server.log[0]["headers"]["Host"] == "autoconfig.good.example", "how it is asked",
               server.log)
        server.set(next=["404"])
        got = ask()
        tap.ok(got[1].endswith(" https://good.example" + oauth.AUTOCONFIG[1]), "the second place",
               *got)
        for what in ("html", "garbage", "huge", "http"):
            server.set(next=[what])
            got = ask()
            tap.ok(got[1].startswith("1 ") and paths() == list(oauth.AUTOCONFIG),
                   "the first place has " + what, *got)
        for what in ("404", "html", "empty"):
            server.set(next=[what] * 2)
            got = ask()
            tap.ok(got[0] == 0 and got[1].startswith("0 ") and paths() == list(oauth.AUTOCONFIG),
                   "both places have " + what, *got)
        for what in ("503", "close"):
            server.set(next=[what])
            tap.ok(ask()[1].startswith("1 "), "the first place out of order: " + what)
            server.set(next=[what] * 2)
            bench.fails("both: " + what, ask(), 75)
        got = ask("other.example")
        tap.ok(got[0] == 0 and got[1].startswith("0 ") and not paths(),
               "a certificate that does not fit is no document", *got)
        server.set(next=[], autoconfig=None)
    bench.fails("no libexpat", probe("parse", DOCUMENT, LD_LIBRARY_PATH=str(bench.dir / "empty")), 78,
                "libexpat.so.1 is needed", "install libexpat1")
    bench.fails("nobody there", probe("autoconfig", "a@good.example", "good.example", server.trust,
                                      https_proxy="http://127.0.0.1:1"), 75)


# --- assertions

def key(bench, name, *words):
    path = bench.dir / (name + ".key")
    subprocess.run(["openssl", "genpkey", "-out", str(path), *words], check=True,
                   capture_output=True)
    certificate = bench.dir / (name + ".pem")
    subprocess.run(["openssl", "req", "-x509", "-new", "-key", str(path), "-subj", "/CN=client",
                    "-days", "2", "-out", str(certificate)], check=True, capture_output=True)
    return str(path), str(certificate)


def claims(audience, **more):
    now = int(time.time())
    return json.dumps({"iss": "signed", "sub": "signed", "aud": audience, "iat": now,
                       "exp": now + 300, "jti": os.urandom(8).hex(), **more})


def assertions(bench):
    tap, server = bench.tap, bench.server
    rsa = key(bench, "rsa", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    p256 = key(bench, "p256", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    audience = server.issuer + "/token"
    for name, (path, certificate), words, algorithm in (
            ("RSA", rsa, [], "RS256"), ("RSA", rsa, ["pss=1"], "PS256"), ("P-256", p256, [], "ES256")):
        for way in (["cert=" + certificate], ["kid=k1"]):
            got = probe("jwt", "key=" + path, "claims=" + claims(audience), *way, *words)
            header = json.loads(assertion.decode(got[1].split(".")[0])) if not got[0] else {}
            tap.ok(header.get("alg") == algorithm and header.get("typ") == "JWT" and
                   ("x5t" in header) == ("cert=" in way[0]) and
                   ("x5t#S256" in header) == ("cert=" in way[0]), algorithm + " by " + name, *got)
            try:
                checked = assertion.check(got[1], pathlib.Path(certificate).read_bytes() if
                                          "x5t" in header else public(path), (audience,),
                                          header.get("kid"))
                tap.ok(checked["iss"] == "signed", "openssl says that it is one")
            except assertion.Refused as refused:
                tap.ok(False, "openssl says that it is one", refused)
    got = probe("jwt", "pem=" + pathlib.Path(rsa[0]).read_text(), "claims={}")
    tap.ok(got[0] == 0, "a key that is given", *got)
    server.set(keys={"signed": [rsa[1], None]})
    form = "form=grant_type=client_credentials&client_id=signed&client_assertion_type=" \
        "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion="
    signed = probe("jwt", "key=" + rsa[0], "cert=" + rsa[1], "claims=" + claims(audience))[1]
    got = bench.fetch("/token", form + signed)
    tap.ok(got[0] == 0 and "access_token" in json.loads(got[2]), "a server takes it", *got)
    got = bench.fetch("/token", form + signed)
    tap.ok("invalid_client" in got[2], "but once", *got)
    wrong_keys(bench, rsa, p256)


def public(path):
    return subprocess.run(["openssl", "pkey", "-in", path, "-pubout"], check=True,
                          capture_output=True).stdout


def wrong_keys(bench, rsa, p256):
    weak = key(bench, "weak", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
    p384 = key(bench, "p384", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
    koblitz = key(bench, "koblitz", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1")
    edwards = key(bench, "edwards", "-algorithm", "ED25519")
    locked = bench.dir / "locked.key"
    subprocess.run(["openssl", "pkey", "-in", rsa[0], "-aes256", "-passout", "pass:x", "-out",
                    str(locked)], check=True, capture_output=True)
    for name, words, status, says in (
            ("none", ["claims={}"], 78, "not set"), ("no file", ["key=/nonexistent"], 66, "/nonexistent"),
            ("a folder", ["key=" + str(bench.dir)], 78, "no file"),
            ("a device", ["key=/dev/zero"], 78, "no file"),
            ("a certificate", ["key=" + rsa[1]], 78, "oauth-key"),
            ("behind a password", ["key=%s" % locked], 78, "protected by a password"),
            ("weak", ["key=" + weak[0]], 78, "1024 bits"), ("P-384", ["key=" + p384[0]], 78, "P-256"),
            ("another curve", ["key=" + koblitz[0]], 78, ""),
            ("Ed25519", ["key=" + edwards[0]], 78, "P-256"), ("no PEM", ["pem=x"], 78, "oauth-key"),
            ("of another certificate", ["key=" + p256[0], "cert=" + rsa[1]], 78, "is not the key of"),
            ("no certificate", ["key=" + rsa[0], "cert=" + rsa[0]], 78, "oauth-cert"),
            ("no file of a certificate", ["key=" + rsa[0], "cert=/nonexistent"], 66, "oauth-cert"),
            ("a token that is not there", ["key=pkcs11:token=nowhere;object=x"], 75, "no token")):
        bench.fails("a key: " + name, probe("jwt", *words), status, says)


# --- the authorization server, which other tests build on

def person(bench, **wishes):
    """One login as oauth tests do it: returns the answer of the token endpoint."""
    server = bench.server
    server.set(**wishes)
    challenge = assertion.encode(oauth.grants.hashlib.sha256(b"v" * 43).digest())
    query = {"response_type": "code", "client_id": "public", "state": "s1", "scope": "mail",
             "redirect_uri": "http://127.0.0.1:1/x", "code_challenge": challenge,
             "code_challenge_method": "S256"}
    to = server.grants.authorize(query)
    back = dict(oauth.urllib.parse.parse_qsl(oauth.urllib.parse.urlsplit(to).query))
    got = bench.fetch("/token", "form=grant_type=authorization_code&client_id=public&code=%s&"
                      "redirect_uri=http%%3A%%2F%%2F127.0.0.1%%3A1%%2Fx&code_verifier=%s" %
                      (back["code"], "v" * 43))
    return json.loads(got[2])


def refresh(bench, token):
    return json.loads(bench.fetch("/token", "form=grant_type=refresh_token&client_id=public&"
                                  "refresh_token=" + token)[2])


def authorization(bench):
    tap, server = bench.tap, bench.server
    first = person(bench, expires_in=60)
    tap.ok(first.get("expires_in") == 60 and first.get("scope") == "mail", "a code for tokens", first)
    tap.ok(server.grants.introspect(first["access_token"])["active"], "introspection")
    second = refresh(bench, first["refresh_token"])
    tap.ok(second.get("refresh_token") not in (None, first["refresh_token"]), "rotation", second)
    again = refresh(bench, first["refresh_token"])
    tap.ok(again.get("error") == "invalid_grant", "a second use is one too many", again)
    tap.ok(refresh(bench, second["refresh_token"]).get("error") == "invalid_grant" and
           not server.grants.introspect(second["access_token"])["active"], "and ends the grant")
    third = person(bench)
    server.set(revoke=True)
    tap.ok(refresh(bench, third["refresh_token"]).get("error") == "invalid_grant", "revoked")
    got = bench.fetch("/device_authorization", "form=client_id=public")
    code = json.loads(got[2])
    poll = "form=grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=public" \
        "&device_code=" + code["device_code"]
    steps = [json.loads(bench.fetch("/token", poll)[2]).get("error") for _ in range(2)]
    tap.ok(steps == ["authorization_pending", "slow_down"], "a device waits", steps)


def main():
    tap = Tap(WEB_PROBE=PROBE)
    with tempfile.TemporaryDirectory(prefix="web.") as directory:
        with oauth.Server(directory, ["autoconfig.good.example", "good.example"]) as server:
            bench = Bench(tap, server, directory)
            for part in (trust, urls, misbehaviour, waiting, answers, redirects, proxies, library,
                         metadata, autoconfig, assertions, authorization):
                part(bench)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
