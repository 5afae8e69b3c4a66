"""The platform's own certificate, ordered from an authority by ACME: Pebble, which checks for real that the name leads here."""
import hashlib
import http.client
import json
import os
import socket
import ssl
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from platform_process import free_port, wait_until
from test_certificates import Authority

HOST = "mail.example.test"

pytestmark = pytest.mark.one_machine("in a cluster certificates come from its own authority")


class Pebble:
    """An ACME server that looks names up at a test's DNS server; it refuses a third of its nonces, as it may."""

    def __init__(self, folder, dns, http_port, tls_port=None):
        self.folder, self.port, self.management = folder, free_port(), free_port()
        self.root = folder / "directory.pem"
        authority = Authority(folder)
        authority.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=directory",
                      "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "directory.key", "-out", self.root)
        (folder / "pebble.json").write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(self.root), "privateKey": str(folder / "directory.key"), "httpPort": http_port, "tlsPort": tls_port or free_port(),
        }}))
        self.log = folder / "pebble.log"
        environment = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "30"}
        self.process = subprocess.Popen(
            ["pebble", "-config", str(folder / "pebble.json"), "-dnsserver", dns.address, "-strict"],
            stdout=self.log.open("wb"), stderr=subprocess.STDOUT, env=environment)
        wait_until(lambda: self.answers(), seconds=20)

    @property
    def directory(self):
        return f"https://127.0.0.1:{self.port}/dir"

    def answers(self):
        try:
            return self.fetch(self.port, "/dir")
        except OSError:
            return None

    def fetch(self, port, place):
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=ssl.create_default_context(cafile=self.root))
        connection.request("GET", place)
        return connection.getresponse().read()

    def issuer(self):
        """What clients must trust."""
        return self.fetch(self.management, "/roots/0").decode()

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def pebble(tmp_path, dns):
    server = Pebble(tmp_path, dns, free_port())
    yield server
    server.stop()


def settings(pebble, **more):
    port = json.loads((pebble.folder / "pebble.json").read_text())["pebble"]["httpPort"]
    return {
        "OONRUMAIL_HTTP_PORT": port, "OONRUMAIL_ACME_DIRECTORY": pebble.directory, "OONRUMAIL_ACME_TERMS_AGREED": "true",
        "OONRUMAIL_ACME_CA_FILE": pebble.root, "OONRUMAIL_ACME_CONTACTS": "operator@example.test", **more,
    }


def shown(platform, context, name=HOST):
    """The certificate that a mail program sees; nil when it would refuse it."""
    try:
        with socket.create_connection(("127.0.0.1", platform.ports["imaps"]), timeout=10) as raw:
            with context.wrap_socket(raw, server_hostname=name) as secure:
                return x509.load_der_x509_certificate(secure.getpeercert(binary_form=True))
    except ssl.SSLCertVerificationError:
        return None


def key_hash(certificate):
    """What DANE pins."""
    return hashlib.sha256(certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).digest()


def test_a_certificate_is_ordered_and_taken_into_use(start_platform, pebble, dns):
    for name in (HOST, "imap.example.test"):
        dns.publish(name, "A", "127.0.0.1")
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    platform = start_platform(**settings(pebble, OONRUMAIL_ACME_HOSTS=f"{HOST},imap.example.test"))
    trusting = ssl.create_default_context(cadata=pebble.issuer())
    certificate = wait_until(lambda: shown(platform, trusting), seconds=60)
    assert "Pebble" in certificate.issuer.rfc4514_string()
    assert shown(platform, trusting, "imap.example.test") == certificate
    assert platform.metric('oonrumail_certificate_orders_total{outcome="issued"}') == 1
    # Files of keys are the owner's alone; nothing of them is in the log.
    keys = [platform.data / "tls" / name for name in ("key.pem", "authority-account.der")]
    assert all(key.stat().st_mode & 0o077 == 0 for key in keys)
    assert "PRIVATE KEY" not in platform.log.read_text()
    # The challenge is over.
    assert platform.http("GET", "/.well-known/acme-challenge/abc")[0] == 404
    # A new certificate has the old key, so that what pins it goes on.
    platform.stop()
    Authority.run("req", "-x509", "-key", keys[0], "-days", "90", "-subj", f"/CN={HOST}", "-out", platform.data / "tls/certificate.pem")
    platform.start()
    renewed = wait_until(lambda: shown(platform, trusting), seconds=60)
    assert renewed.serial_number != certificate.serial_number and key_hash(renewed) == key_hash(certificate)
    assert "There are now 2 accounts" not in pebble.log.read_text(), "the account is the same"


def test_a_name_that_leads_elsewhere_gets_none_and_mail_goes_on(start_platform, pebble, dns):
    dns.publish(HOST, "A", "127.0.0.9")
    platform = start_platform(**settings(pebble))
    wait_until(lambda: platform.metric('oonrumail_certificate_orders_total{outcome="failed"}') == 1, seconds=60)
    said = [json.loads(line) for line in platform.log.read_text().splitlines() if "no certificate was issued" in line]
    assert HOST in said[0]["cause"] and int(said[0]["retry_seconds"]) >= 600
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    assert HOST in shown(platform, blind).issuer.rfc4514_string()


def test_an_authority_that_nobody_vouches_for_is_not_asked(start_platform, pebble, dns, tmp_path):
    dns.publish(HOST, "A", "127.0.0.1")
    platform = start_platform(**settings(pebble, OONRUMAIL_ACME_CA_FILE=tmp_path / "ca.pem"))
    wait_until(lambda: platform.metric('oonrumail_certificate_orders_total{outcome="failed"}') == 1, seconds=60)
    assert "CERTIFICATE_VERIFY_FAILED" in platform.log.read_text()
