"""TLS-ALPN-01 (RFC 8737): orders by a challenge under TLS, a listener that does nothing else, and HAProxy before it."""
import contextlib
import json
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest
from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier
from platform_process import ROOT, any_certificate, free_port, wait_until
from test_certificate_orders import HOST, Pebble, settings, shown
from test_certificates import Authority

OTHER = "imap.example.test"
PROTOCOL = "acme-tls/1"
IDENTIFIER = ObjectIdentifier("1.3.6.1.5.5.7.1.31")

pytestmark = pytest.mark.one_machine("in a cluster certificates come from its own authority")


class Gate:
    """Stands at the port that the authority comes to, and lets it through when the test has seen enough."""

    def __init__(self, target):
        self.target, self.arrived, self.opened = target, threading.Event(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.arrived.set()
            threading.Thread(target=self.relay, args=(peer,), daemon=True).start()

    def relay(self, peer):
        self.opened.wait(60)
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.target), timeout=10) as behind:
            back = threading.Thread(target=self.pump, args=(behind, peer), daemon=True)
            back.start()
            self.pump(peer, behind)
            back.join(10)
        peer.close()

    @staticmethod
    def pump(source, sink):
        with contextlib.suppress(OSError):
            while octets := source.recv(65536):
                sink.sendall(octets)
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        self.opened.set()
        self.listener.close()


@pytest.fixture
def order(tmp_path, dns, start_platform):
    """Starts an authority and a platform that orders from it; both names lead here. `at` is where the authority comes by TLS."""
    started = []

    def start(at=None, http_port=None, hosts=HOST, **more):
        port = free_port()
        for name in (HOST, OTHER):
            dns.publish(name, "A", "127.0.0.1")
        pebble = Pebble(tmp_path, dns, http_port or free_port(), at(port) if at else port)
        started.append(pebble)
        given = settings(pebble, OONRUMAIL_ACME_TLS_ALPN_PORT=port, OONRUMAIL_ACME_CHALLENGE="tls-alpn-01", OONRUMAIL_ACME_HOSTS=hosts)
        if http_port is None:
            # Nobody is where the authority looks by HTTP.
            given.pop("OONRUMAIL_HTTP_PORT")
        return start_platform(**{**given, **more}), pebble, port

    yield start
    for one in started:
        one.stop()


def orders(platform, outcome):
    return platform.metric(f'oonrumail_certificate_orders_total{{outcome="{outcome}"}}')


def handshakes(platform, outcome):
    return platform.metric(f'oonrumail_challenge_handshakes_total{{outcome="{outcome}"}}')


def issued(platform, pebble, name=HOST):
    wait_until(lambda: orders(platform, "issued") == 1, seconds=60)
    trusting = ssl.create_default_context(cadata=pebble.issuer())
    return wait_until(lambda: shown(platform, trusting, name), seconds=30)


def handshake(port, name=HOST, protocols=(PROTOCOL,), send=b"", version=None):
    """The certificate, the protocol and what was read after the handshake; raises what ssl raises."""
    context = any_certificate()
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if version:
        context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        with context.wrap_socket(raw, server_hostname=name) as secure:
            shown = secure.getpeercert(binary_form=True), secure.selected_alpn_protocol()
            read = b""
            with contextlib.suppress(ConnectionError, ssl.SSLEOFError, BrokenPipeError):
                secure.sendall(send)
                read = secure.recv(100)
            return *shown, read


def hello(name=HOST, protocols=(PROTOCOL,)):
    """What a client says first."""
    context = any_certificate()
    if protocols:
        context.set_alpn_protocols(list(protocols))
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def ends(peer):
    """Seconds until the other side ends the connection, and what it said."""
    start, read = time.monotonic(), b""
    with contextlib.suppress(ConnectionError):
        while more := peer.recv(65536):
            read += more
    return time.monotonic() - start, read


DECODE_ERROR, MISSING_EXTENSION, UNRECOGNIZED_NAME, NO_APPLICATION_PROTOCOL = 50, 109, 112, 120


def alert(number):
    return bytes([21, 3, 3, 0, 2, 2, number])


def refusal(port, **options):
    """The number of the alert that a handshake is refused with; no octet comes beside it, and the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.sendall(hello(**options))
        _, read = ends(peer)
    assert len(read) == 7 and read == alert(read[-1])
    # A client's library takes it as an end too.
    with pytest.raises(ssl.SSLError):
        handshake(port, **options)
    return read[-1]


def test_names_are_proved_under_tls_alone(order):
    platform, pebble, port = order(hosts=f"{HOST},{OTHER}")
    certificate = issued(platform, pebble)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {HOST, OTHER}
    assert handshakes(platform, "answered") >= 2 and orders(platform, "failed") == 0
    # The challenges are over: the names are not known any more.
    assert refusal(port) == refusal(port, name=OTHER) == UNRECOGNIZED_NAME
    assert "PRIVATE KEY" not in platform.log.read_text()
    assert f"127.0.0.1:{port}" in platform.log.read_text(), "the greeting names the listener"


def test_the_other_challenge_follows_one_that_fails(order):
    platform, pebble, _ = order(OONRUMAIL_ACME_CHALLENGE="any")
    issued(platform, pebble)
    said = [json.loads(line) for line in platform.log.read_text().splitlines() if "the next kind of challenge is tried" in line]
    assert [(one["failed"], one["next"]) for one in said] == [("http-01", "tls-alpn-01")] and HOST in said[0]["cause"]
    assert orders(platform, "failed") == 0 and handshakes(platform, "answered") >= 1


def test_one_challenge_that_works_is_enough(order):
    platform, pebble, _ = order(http_port=free_port(), OONRUMAIL_ACME_CHALLENGE="any")
    issued(platform, pebble)
    assert handshakes(platform, "answered") == 0


def test_when_both_fail_mail_goes_on_and_the_log_says_why(order, dns):
    platform, _, _ = order(at=lambda port: free_port(), OONRUMAIL_ACME_CHALLENGE="any")
    wait_until(lambda: orders(platform, "failed") == 1, seconds=60)
    said = [json.loads(line) for line in platform.log.read_text().splitlines() if "no certificate was issued" in line]
    assert f"{HOST} is invalid by tls-alpn-01" in said[0]["cause"] and int(said[0]["retry_seconds"]) == 600
    with platform.smtp() as client:
        assert client.ehlo()[0] == 250


@contextlib.contextmanager
def waiting(order, **more):
    """A platform whose challenge waits: the authority stands at the gate."""
    gates = []

    def gate(port):
        gates.append(Gate(port))
        return gates[0].port

    platform, pebble, port = order(at=gate, **more)
    try:
        assert gates[0].arrived.wait(60)
        yield platform, port
        gates[0].opened.set()
        issued(platform, pebble)
    finally:
        gates[0].close()


def test_the_certificate_is_what_the_challenge_wants(order):
    with waiting(order) as (_, port):
        for options in ({}, {"version": ssl.TLSVersion.TLSv1_2}, {"name": "MAIL.example.TEST"}, {"protocols": ("h2", PROTOCOL)}):
            der, protocol, read = handshake(port, send=b"GET / HTTP/1.1\r\n\r\n", **options)
            assert protocol == PROTOCOL and read == b"", "no octet of application data"
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert list(names) == [x509.DNSName(HOST)]
        identifier = certificate.extensions.get_extension_for_oid(IDENTIFIER)
        assert identifier.critical and identifier.value.value[:2] == b"\x04\x20" and len(identifier.value.value) == 34
        assert certificate.issuer == certificate.subject and len(list(certificate.extensions)) == 2


def test_every_other_handshake_is_refused_by_the_alert_for_it(order):
    with waiting(order) as (platform, port):
        for protocols in (("h2", "http/1.1"), (), ("acme-tls/2",), ("acme-tls",)):
            assert refusal(port, protocols=protocols) == NO_APPLICATION_PROTOCOL, protocols
        # A stranger does not learn which names wait.
        assert refusal(port, name=OTHER, protocols=("h2",)) == NO_APPLICATION_PROTOCOL
        for name in (OTHER, f"x{HOST}", f"x.{HOST}", "example.test", "localhost"):
            assert refusal(port, name=name) == UNRECOGNIZED_NAME, name
        # The numbers of IP addresses are no names: a client sends none.
        for name in (None, "127.0.0.1"):
            assert refusal(port, name=name) == MISSING_EXTENSION, name
        assert handshakes(platform, "no_protocol") == 10 and handshakes(platform, "unknown_name") == 10
        assert handshakes(platform, "no_name") == 4 and handshakes(platform, "answered") == 0


@pytest.mark.parametrize("octets, answer", [
    (b"GET / HTTP/1.1\r\nHost: mail.example.test\r\n\r\n", b""),
    (b"EHLO client.example.test\r\n", b""),
    (b"\x80\x2e\x01\x03\x01" + b"\0" * 50, b""),
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 443\r\n", b""),
    # Records that are none, and a hello that lies about its lengths.
    (b"\x16\x03\x01\x00\x00", alert(DECODE_ERROR)),
    (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", alert(DECODE_ERROR)),
    (b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x03", alert(DECODE_ERROR)),
    (b"\x16\x03\x01\x40\x00\x01\x00\xff\xff" + b"\0" * 16_000, alert(DECODE_ERROR)),
])
def test_what_is_no_handshake_gets_nothing_or_an_alert(order, octets, answer):
    with waiting(order) as (_, port), socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.sendall(octets)
        read = b""
        with contextlib.suppress(ConnectionError):
            while more := peer.recv(100):
                read += more
        assert read == answer


def test_a_slow_handshake_is_ended(order):
    with waiting(order, OONRUMAIL_ACME_TLS_ALPN_TIMEOUT="1s") as (platform, port):
        # Nothing; half a hello; a hello and nothing more; a hello octet by octet.
        for first in (b"", hello()[:100], hello()):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
                peer.sendall(first)
                seconds, _ = ends(peer)
                assert 0.5 < seconds < 5
        with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
            start, pieces = time.monotonic(), hello()
            with pytest.raises(OSError):
                while time.monotonic() - start < 10:
                    for octet in pieces[:-1] + pieces[:1] * 5_000:
                        peer.sendall(bytes([octet]))
                        time.sleep(0.02)
            assert time.monotonic() - start < 5
        assert handshakes(platform, "timeout") == 4
        assert handshake(port)[1] == PROTOCOL


def test_connections_are_bounded_and_none_is_kept(order):
    more = {"OONRUMAIL_ACME_TLS_ALPN_MAX_CONNECTIONS": "5", "OONRUMAIL_ACME_TLS_ALPN_TIMEOUT": "2s"}
    with waiting(order, **more) as (platform, port):
        idle = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(5)]
        wait_until(lambda: platform.metric('oonrumail_connections_open{listener="acme-tls-alpn"}') == 5)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sixth:
            assert ends(sixth) < (1.5, b"\0")
        for peer in idle:
            assert ends(peer)[1] == b""
            peer.close()
        wait_until(lambda: platform.metric('oonrumail_connections_open{listener="acme-tls-alpn"}') == 0)
        assert platform.metric('oonrumail_connections_refused_total{listener="acme-tls-alpn"}') == 1
        # Many, one after the other and side by side, leave nothing behind.
        for _ in range(50):
            handshake(port)
        wait_until(lambda: platform.metric('oonrumail_connections_open{listener="acme-tls-alpn"}') == 0)


def test_a_client_that_does_not_close_is_closed(order):
    with waiting(order) as (_, port):
        context = any_certificate()
        context.set_alpn_protocols([PROTOCOL])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
            secure = context.wrap_socket(raw, server_hostname=HOST, suppress_ragged_eofs=True)
            assert secure.recv(10) == b""
            # Its side stays open: the time limit is not needed for that.
            start = time.monotonic()
            with contextlib.suppress(OSError):
                while time.monotonic() - start < 5:
                    secure.sendall(b"x" * 1_000)
                    time.sleep(0.05)
            assert time.monotonic() - start < 4


def test_no_listener_without_the_setting(start_platform):
    done = start_platform().cli("config", "list")
    assert re.search(r"OONRUMAIL_ACME_TLS_ALPN_PORT = 0\b", done.stdout)


class HAProxy:
    """The example of docs/DOMAINS.md, on ports of the test."""

    def __init__(self, folder, port, challenges, https, certificate):
        text = (ROOT / "docs/DOMAINS.md").read_text()
        [example] = re.findall(r"```haproxy\n(.*?)```", text, re.S)
        for documented, here in (
            (":443\n", f"127.0.0.1:{port}\n"), ("127.0.0.1:10443", f"127.0.0.1:{challenges}"), ("127.0.0.1:8443", f"127.0.0.1:{https}"),
            ("127.0.0.1:8080", f"127.0.0.1:{free_port()}"), ("/etc/haproxy/web.pem", str(certificate)),
        ):
            assert documented in example, documented
            example = example.replace(documented, here)
        # The platform sees the balancer at an address of its own, as it does where they are two machines.
        example = re.sub(r"(server challenges .*)", r"\1 source 127.0.0.2", example)
        head = "global\n  maxconn 200\ndefaults\n  timeout connect 5s\n  timeout client 20s\n  timeout server 20s\n"
        (folder / "haproxy.cfg").write_text(head + example)
        self.process = subprocess.Popen(["haproxy", "-db", "-f", folder / "haproxy.cfg"], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        wait_until(lambda: self.listens(port), seconds=20)

    def listens(self, port):
        assert self.process.poll() is None, "haproxy has ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
        return False

    def stop(self):
        self.process.kill()
        self.process.wait()


def test_haproxy_sends_challenges_to_it_and_keeps_the_rest(order, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    chain, key = Authority(pages).sign("www.example.test", 90)
    web = pages / "web.pem"
    web.write_bytes(b"".join(pathlib.Path(one).read_bytes() for one in (chain, key)))
    fronts, front = [], free_port()

    def at(port):
        fronts.append(HAProxy(pages, front, port, free_port(), web))
        return front

    try:
        platform, pebble, port = order(at=at, OONRUMAIL_PROXY_NETWORKS="127.0.0.2")
        issued(platform, pebble)
        assert handshakes(platform, "answered") >= 1
        # What is no challenge is the web's: its certificate, its protocol, its answer.
        for protocols, chosen in ((("http/1.1",), "http/1.1"), ((), None)):
            request = b"GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n"
            der, protocol, read = handshake(front, name="www.example.test", protocols=protocols, send=request)
            assert "www.example.test" in x509.load_der_x509_certificate(der).subject.rfc4514_string()
            assert protocol == chosen and read.startswith(b"HTTP/1.")
        # And of challenges only those for names that wait.
        before = handshakes(platform, "unknown_name")
        assert refusal(front) == UNRECOGNIZED_NAME and handshakes(platform, "unknown_name") == before + 2
        assert refusal(port) == UNRECOGNIZED_NAME, "without a balancer too"
    finally:
        for one in fronts:
            one.stop()
