"""An authority, one below it, and certificates for the servers; and what TLSA records say of them."""

import hashlib
import subprocess

NAMES = ["live", "four", "six", "resetfirst", "holefirst", "holes", "hole", "mixed", "right", "wrong",
         "rollover", "whole", "anchor", "rootanchor", "otheranchor", "unusable", "half", "live.old",
         "reset"]
SERVER = ",".join([f"DNS:{name}.good.example" for name in NAMES] +
                  ["DNS:mx.elsewhere.example", "DNS:live.open.example", "DNS:live.bad.example"])


def openssl(*words, stdin=None):
    return subprocess.run(["openssl", *words], input=stdin, check=True, capture_output=True).stdout


class Certificates:
    """Files in DIR: NAME.pem holds certificate, chain and key."""

    def __init__(self, directory):
        self.dir = directory / "certificates"
        self.dir.mkdir()
        self.digests = {}
        self.make("ca", None, "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign")
        self.make("issuing", "ca", "basicConstraints=critical,CA:TRUE,pathlen:0",
                  "keyUsage=critical,keyCertSign")
        self.leaf("server", "subjectAltName=" + SERVER)
        self.leaf("domain", "subjectAltName=DNS:domain.open.example")
        self.leaf("service", "subjectAltName=otherName:1.3.6.1.5.5.7.8.7;IA5STRING:"
                             "_submissions.service.open.example")
        self.make("odd", None, "basicConstraints=critical,CA:FALSE", days=-1)

    def path(self, name, suffix=""):
        return str(self.dir / f"{name}{suffix}.pem")

    def leaf(self, name, alternative):
        self.make(name, "issuing", "basicConstraints=critical,CA:FALSE",
                  "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth", alternative)
        with open(self.path(name), "ab") as file:
            file.write(openssl("x509", "-in", self.path("issuing")))

    def make(self, name, issuer, *extensions, days=3):
        key = self.path(name, "-key")
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        request = openssl("req", "-new", "-key", key, "-subj", f"/CN=Test {name}")
        (self.dir / "extensions").write_text("\n".join(extensions) + "\n")
        words = ["-CA", self.path(issuer), "-CAkey", self.path(issuer, "-key"),
                 "-CAcreateserial"] if issuer else ["-signkey", key]
        certificate = openssl("x509", "-req", "-days", str(days), *words, "-extfile",
                              str(self.dir / "extensions"), stdin=request)
        with open(self.path(name), "wb") as file, open(key, "rb") as key_file:
            file.write(key_file.read() + certificate)
        self.digest(name, certificate)

    def digest(self, name, pem):
        public = openssl("x509", "-pubkey", "-noout", stdin=pem)
        for selector, octets in (("certificate", openssl("x509", "-outform", "DER", stdin=pem)),
                                 ("key", openssl("pkey", "-pubin", "-outform", "DER",
                                                 stdin=public))):
            self.digests[name, selector, 0] = octets.hex()
            self.digests[name, selector, 256] = hashlib.sha256(octets).hexdigest()
            self.digests[name, selector, 512] = hashlib.sha512(octets).hexdigest()
