"""PROXY headers before the mail ports: who may send them, who must, and who is then taken for the client."""
import socket
import ssl
import struct

import pytest

from platform_process import any_certificate

pytestmark = pytest.mark.one_machine("speaks to the listener itself; on the cluster a balancer stands between")

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
VERSION_1 = b"PROXY TCP4 192.0.2.77 127.0.0.1 40000 25\r\n"
VERSION_2 = (
    SIGNATURE + b"\x21\x11" + struct.pack("!H", 12) + socket.inet_aton("192.0.2.77") + socket.inet_aton("127.0.0.1")
    + struct.pack("!HH", 40000, 25)
)
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"


@pytest.fixture
def balanced(start_platform):
    return start_platform(OONRUMAIL_PROXY_NETWORKS="127.0.0.0/8", OONRUMAIL_PLAINTEXT_AUTH_ON_LOOPBACK="true")


def connect(platform, port, data=b""):
    peer = socket.create_connection(("127.0.0.1", platform.ports[port]), timeout=10)
    peer.sendall(data)
    return peer


@pytest.mark.parametrize("header", [VERSION_1, VERSION_2], ids=["version 1", "version 2"])
@pytest.mark.parametrize("pieces", [1, 5])
def test_the_client_behind_the_balancer_counts(balanced, header, pieces):
    peer = connect(balanced, "smtp")
    size = -(-len(header) // pieces)
    for start in range(0, len(header), size):
        peer.sendall(header[start:start + size])
    stream = peer.makefile("rwb")
    assert stream.readline().startswith(b"220 ")
    for command in (b"HELO client.example.test", b"MAIL FROM:<a@elsewhere.test>", b"RCPT TO:<nobody@away.test>"):
        stream.write(command + b"\r\n")
        stream.flush()
        answer = stream.readline()
    assert answer.startswith(b"550 5.7.1")
    assert "192.0.2.77" in balanced.cli("trace", "nobody@away.test").stdout


def test_tls_comes_after_the_header(balanced):
    peer = connect(balanced, "imaps", VERSION_2)
    with any_certificate().wrap_socket(peer) as secure:
        assert secure.recv(100).startswith(b"* OK ")
        assert secure.version() in ("TLSv1.2", "TLSv1.3")


def test_a_health_check_of_the_balancer_is_itself(balanced):
    assert connect(balanced, "imap", LOCAL).recv(100).startswith(b"* OK ")


@pytest.mark.parametrize("data", [b"EHLO client.example.test\r\n", b"PROXY TCP4 1 2 3 4\r\n", SIGNATURE + b"\x31\x11\x00\x00"])
def test_without_a_header_a_balancer_gets_nothing(balanced, data):
    peer = connect(balanced, "smtp", data)
    assert peer.recv(100) == b""


def test_others_may_not_send_one(start_platform):
    platform = start_platform()
    stream = connect(platform, "smtp", VERSION_1).makefile("rb")
    assert stream.readline().startswith((b"220 ", b"554 "))
    assert not stream.readline().startswith(b"220 ")
    assert "192.0.2.77" not in platform.log.read_text()
    with pytest.raises((ssl.SSLError, ConnectionError, TimeoutError)):
        any_certificate().wrap_socket(connect(platform, "imaps", VERSION_2)).recv(1)
