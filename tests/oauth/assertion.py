"""Checks signed assertions (RFC 7515, 7519, 7523) by openssl, not by what made them."""

import base64
import hashlib
import json
import pathlib
import subprocess
import tempfile
import time


class Refused(Exception):
    """Why an assertion is none."""


def decode(text):
    if "=" in text:
        raise Refused("base64url is padded")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Refused("no base64url") from error


def encode(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def openssl(*words, stdin=b""):
    return subprocess.run(["openssl", *words], input=stdin, check=False, capture_output=True)


def integer(octets):
    """DER of a number without sign."""
    octets = octets.lstrip(b"\0") or b"\0"
    if octets[0] & 0x80:
        octets = b"\0" + octets
    return b"\x02" + bytes([len(octets)]) + octets


def der(signature):
    """An ES256 signature, r and s in 32 octets each (RFC 7518 section 3.4), as openssl wants it."""
    if len(signature) != 64:
        raise Refused("an ES256 signature has %d octets" % len(signature))
    both = integer(signature[:32]) + integer(signature[32:])
    return b"\x30" + bytes([len(both)]) + both


def check_signature(algorithm, public, signed, signature):
    options = []
    if algorithm == "ES256":
        signature = der(signature)
    elif algorithm == "PS256":
        options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]
    elif algorithm != "RS256":
        raise Refused("alg is %s" % algorithm)
    with tempfile.TemporaryDirectory(prefix="assertion.") as name:
        directory = pathlib.Path(name)
        (directory / "public").write_bytes(public)
        (directory / "signature").write_bytes(signature)
        done = openssl("dgst", "-sha256", *options, "-verify", str(directory / "public"),
                       "-signature", str(directory / "signature"), stdin=signed)
    if done.returncode:
        raise Refused("the signature is wrong: " + (done.stdout + done.stderr).decode())


def public_key(pem):
    """Of a certificate, or a public key as it is."""
    if b"BEGIN CERTIFICATE" not in pem:
        return pem
    return openssl("x509", "-noout", "-pubkey", stdin=pem).stdout


def check_certificate(header, pem):
    """What the header says of the certificate, if anything."""
    if b"BEGIN CERTIFICATE" not in pem:
        return
    octets = openssl("x509", "-outform", "DER", stdin=pem).stdout
    for key, digest in (("x5t", hashlib.sha1), ("x5t#S256", hashlib.sha256)):
        if key in header and header[key] != encode(digest(octets).digest()):
            raise Refused(key + " names another certificate")
    if "x5t" not in header and "x5t#S256" not in header:
        raise Refused("no certificate is named")


def check(assertion, pem, audience, key_id=None):
    """Returns the claims of an assertion that the key or certificate PEM has signed."""
    parts = assertion.split(".")
    if len(parts) != 3:
        raise Refused("an assertion of %d parts" % len(parts))
    try:
        header, claims = json.loads(decode(parts[0])), json.loads(decode(parts[1]))
    except ValueError as error:
        raise Refused("no JSON") from error
    check_certificate(header, pem)
    if key_id and header.get("kid") != key_id:
        raise Refused("kid is %s" % header.get("kid"))
    check_signature(header.get("alg"), public_key(pem), ".".join(parts[:2]).encode(),
                    decode(parts[2]))
    now = time.time()
    if claims.get("aud") not in audience:
        raise Refused("aud is %s" % claims.get("aud"))
    if not now - 5 < claims.get("exp", 0) <= now + 3600 + 5:
        raise Refused("exp is %s, it is %d" % (claims.get("exp"), now))
    if claims.get("iat", now) > now + 5 or claims.get("nbf", now) > now + 5:
        raise Refused("made in the future")
    return claims
