"""Certificates: seen over the wire by name, judged, told of before they end."""
import json
import socket
import ssl
import subprocess
import threading

from platform_process import ADMIN, PASSWORD, free_port, wait_until

DOMAIN = "zone.test"
OWNER = f"owner@{DOMAIN}"


class Authority:
    """An authority of the test, and certificates that it signs."""

    def __init__(self, folder):
        self.folder = folder
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "400", "-subj", "/CN=Test Authority",
                 "-keyout", folder / "ca.key", "-out", folder / "ca.pem", "-addext", "basicConstraints=critical,CA:TRUE")

    @staticmethod
    def run(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=30)

    def sign(self, name, days):
        stem = self.folder / f"{name}-{days}"
        self.run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                 "-keyout", f"{stem}.key", "-out", f"{stem}.csr")
        self.run("x509", "-req", "-in", f"{stem}.csr", "-CA", self.folder / "ca.pem", "-CAkey", self.folder / "ca.key", "-days", days,
                 "-copy_extensions", "copy", "-out", f"{stem}.pem")
        return f"{stem}.pem", f"{stem}.key"


class TLSServer:
    """Shows a certificate for each name; what is asked for is kept."""

    def __init__(self):
        self.contexts, self.asked = {}, []
        self.outer = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.outer.sni_callback = self.choose
        self.listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def show(self, name, pair, others=True):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        self.contexts[name] = context
        # Whoever asks for no name, or another one, gets the last of those that are for others too.
        if others:
            self.outer.load_cert_chain(*pair)

    def choose(self, connection, name, _):
        self.asked.append(name)
        if name in self.contexts:
            connection.context = self.contexts[name]

    def serve(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            try:
                with self.outer.wrap_socket(raw, server_side=True) as secure:
                    secure.settimeout(5)
                    secure.recv(1)
            except OSError:
                pass


def token(platform, user):
    return platform.http("POST", "/api/auth/login", {"email": user, "password": PASSWORD})[2]["access_token"]


def test_names_are_watched_and_their_ends_told(dns, start_platform, tmp_path):
    authority, server = Authority(tmp_path), TLSServer()
    server.show(f"autodiscover.{DOMAIN}", authority.sign(f"autodiscover.{DOMAIN}", 90))
    for name in ("mail.example.test", f"autoconfig.{DOMAIN}", f"autodiscover.{DOMAIN}", f"mta-sts.{DOMAIN}"):
        dns.publish(name, "A", "127.0.0.1")
    place = start_platform(
        OONRUMAIL_RESOLVER=dns.address, OONRUMAIL_RESOLVER_TIMEOUT="3s", OONRUMAIL_CERTIFICATE_CHECK_INTERVAL="1s",
        OONRUMAIL_CERTIFICATE_WEB_PORT=server.port, OONRUMAIL_CERTIFICATE_CA_FILE=tmp_path / "ca.pem", OONRUMAIL_CERTIFICATE_PRIVATE_ADDRESSES="true",
        OONRUMAIL_CERTIFICATE_HOSTS=f"gone.example.test:{server.port}",
    )
    place.cli("domain", "add", DOMAIN, "--organisation", DOMAIN)
    place.cli("account", "add", OWNER, "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
    # Not before there is somebody to tell.
    server.show(f"autoconfig.{DOMAIN}", authority.sign(f"autoconfig.{DOMAIN}", 5), others=False)
    root, owner = token(place, ADMIN), token(place, OWNER)

    def states(of):
        found = place.http("GET", "/api/certificates?limit=500", token=of)[2]["certificates"]
        return {(one["host"], one.get("port")): one for one in found}

    wait_until(lambda: len(states(owner)) >= 3 and "unknown" not in {one["status"] for one in states(root).values()})
    wait_until(lambda: states(owner)[f"autoconfig.{DOMAIN}", server.port]["status"] == "urgent")
    mine = states(owner)
    soon = mine[f"autoconfig.{DOMAIN}", server.port]
    assert soon["status"] == "urgent" and soon["names"] == [f"autoconfig.{DOMAIN}"] and "Test Authority" in soon["issuer"]
    assert mine[f"autodiscover.{DOMAIN}", server.port]["status"] == "ok"
    assert mine[f"mta-sts.{DOMAIN}", server.port]["status"] == "wrong_name"
    assert f"autoconfig.{DOMAIN}" in server.asked
    # The owner sees the names of the own domains, an operator all.
    assert {one.get("domain") for one in mine.values()} == {DOMAIN}
    every = states(root)
    assert every["gone.example.test", server.port]["status"] == "absent"
    # The cluster's certificate is for the address of its balancer.
    for name in ("smtp", "submission", "submissions", "imap", "imaps"):
        mail = every["mail.example.test", place.ports[name]]
        assert mail["status"] in (("untrusted", "ok") if "mail.example.test" in mail["names"] else ("wrong_name",)), name
    assert place.http("GET", "/api/certificates/mail.example.test", token=owner)[0] == 404
    assert place.http("POST", "/api/certificates/mail.example.test/check", token=owner)[0] == 404

    # Told once to the owner, in the audit, in the metric.
    wait_until(lambda: place.messages(OWNER))
    assert [text.count(b"autoconfig.zone.test") > 0 for text in place.messages(OWNER)] == [True]
    warnings = place.http("GET", "/api/audit?action=certificate.warning", token=root)[2]
    assert f"autoconfig.{DOMAIN}" in json.dumps(warnings)
    name = f'oonrumail_certificate_expiry_seconds{{name="autoconfig.{DOMAIN}:{server.port}",owner="domain"}}'
    wait_until(lambda: 4 * 86_400 < place.metric(name) < 12 * 86_400)

    # A renewed certificate is seen, live and by the command line.
    server.show(f"autoconfig.{DOMAIN}", authority.sign(f"autoconfig.{DOMAIN}", 80))
    answer = place.http("POST", f"/api/certificates/autoconfig.{DOMAIN}/check", token=owner)[2]
    assert [one["status"] for one in answer["certificates"]] == ["ok"]
    assert place.json("certificate", "check", f"autoconfig.{DOMAIN}")[0]["status"] == "ok"
    assert place.cli("certificate", "check", f"mta-sts.{DOMAIN}", check=False).returncode == 1
    assert place.cli("certificate", "check", "gone.example.test", check=False).returncode == 5
    listed = place.json("certificate", "list", "--status", "wrong_name")
    assert {one["host"] for one in listed} >= {f"mta-sts.{DOMAIN}"}
    assert len(place.messages(OWNER)) == 1
    server.listener.close()


def test_a_page_of_certificates_goes_on_where_the_last_ended(platform):
    root = token(platform, ADMIN)
    wait_until(lambda: platform.http("GET", "/api/certificates", token=root)[2]["certificates"])
    status, _, all_of_them = platform.http("GET", "/api/certificates?limit=500", token=root)
    assert status == 200 and all_of_them.get("next") is None
    _, _, first = platform.http("GET", "/api/certificates?limit=1", token=root)
    _, _, second = platform.http("GET", f"/api/certificates?limit=1&after={first['next']}", token=root)
    assert [first["certificates"][0]["host"], second["certificates"][0]["host"]] == [one["host"] for one in all_of_them["certificates"][:2]]
    assert platform.http("GET", "/api/certificates?status=fine", token=root)[0] == 400
    assert platform.http("GET", "/api/certificates?after=!", token=root)[0] == 400
