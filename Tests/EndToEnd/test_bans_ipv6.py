"""Bans of IPv6 networks: the /64 that a customer has at least, and the /48 of whoever changes it each time.

Clients' addresses come as balancers tell them, by PROXY headers and `X-Forwarded-For`; one test comes over IPv6 itself.
"""
import contextlib
import http.client
import json
import socket
import struct

import pytest
import test_bans
from platform_process import ADMIN, PASSWORD, any_certificate, wait_until
from test_bans import IS_CLUSTER, REFUSED, SETTINGS
from test_proxy_protocol import SIGNATURE

if IS_CLUSTER:
    from cluster_platform import ClusterPlatform as Platform
else:
    from platform_process import Platform


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    running = Platform(tmp_path_factory.mktemp("bans6"), **SETTINGS, OONRUMAIL_PROXY_NETWORKS="127.0.0.1/32").start()
    yield running
    running.stop()


class Client(test_bans.Client):
    """Somebody at an IPv6 address, behind balancers."""

    def __init__(self, platform, address):
        self.address = address
        places = platform.cluster.places.values() if IS_CLUSTER else [platform.ports]
        # Mail ports of a process itself; HTTP by the balancer, which knows the service.
        self.ports = {name: port for ports in places for name, port in ports.items()} | {"http": platform.ports["http"]}

    def connect(self, port):
        peer = socket.create_connection(("127.0.0.1", self.ports[port]), timeout=20)
        here = socket.inet_pton(socket.AF_INET6, "2001:db8:ffff::25")
        there = socket.inet_pton(socket.AF_INET6, self.address)
        peer.sendall(SIGNATURE + b"\x21\x21" + struct.pack("!H", 36) + there + here + struct.pack("!HH", 40000, 25))
        return peer

    def login(self, password=PASSWORD):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=20)
        headers = {"Content-Type": "application/json", "X-Forwarded-For": self.address}
        connection.request("POST", "/api/auth/login", json.dumps({"email": ADMIN, "password": password}), headers)
        with contextlib.closing(connection):
            return connection.getresponse().status

    def fails_imap(self, password):
        # By TLS: nobody at this address is on the loopback.
        with any_certificate().wrap_socket(self.connect("imaps")) as peer:
            stream = peer.makefile("rwb")
            stream.readline()
            stream.write(f'a LOGIN {ADMIN} "{password}"\r\n'.encode())
            stream.flush()
            return stream.readline()

    @property
    def is_banned(self):
        return self.greeting("smtp") == REFUSED

    @property
    def is_welcome(self):
        return self.greeting("smtp").startswith(b"220 ") and self.shakes_hands("imaps") and self.login() == 200


def bans(platform):
    return {row["network"]: row for row in platform.json("ban", "list")}


def test_the_network_of_64_bits_is_meant(house):
    one, two = Client(house, "2001:db8:1:1::1"), Client(house, "2001:db8:1:1:ffff:ffff:ffff:ffff")
    neighbour = Client(house, "2001:db8:1:2::1")
    for number in range(2):
        assert one.fails_imap(f"one {number}").startswith(b"a NO")
        assert two.login(f"two {number}") == 401
    assert not one.is_banned and not two.is_banned
    two.fails_imap("fifth")
    other = Client(house, "2001:db8:1:1:5::5")
    wait_until(lambda: other.is_banned, seconds=10)
    for client in (one, two, other):
        wait_until(lambda: client.greeting("imap").startswith(b"* BYE Too much misuse"), seconds=5)
        wait_until(lambda: not client.shakes_hands("imaps") and client.login() == 429, seconds=5)
    assert neighbour.is_welcome
    assert bans(house)["2001:db8:1:1::/64"]["reason"] == "failed_sign_in 5"
    assert house.json("ban", "show", "2001:db8:1:1::77")[0]["network"] == "2001:db8:1:1::/64"
    house.cli("ban", "lift", "2001:db8:1:1::/64")
    wait_until(lambda: one.is_welcome, seconds=10)


def test_who_changes_the_64_bits_has_48_banned(house):
    # Four in each of ten: none has five, and all together eight times as many.
    for place in range(10):
        client = Client(house, f"2001:db8:2:{place:x}::1")
        for number in range(4):
            assert client.login(f"guess {place} {number}") == 401
    fresh = Client(house, "2001:db8:2:9999::1")
    wait_until(lambda: fresh.is_banned, seconds=20)
    assert set(bans(house)) & {"2001:db8:2::/48"} and Client(house, "2001:db8:3::1").is_welcome


def test_operators_ban_and_exempt_ipv6_networks(house):
    inside, friend, outside = (Client(house, f"2001:db8:{place}") for place in ("4:1::1", "4:2::1", "5::1"))
    house.cli("ban", "add", "2001:0DB8:4:1::7/48", "--reason", "floods us")
    house.cli("ban", "exempt", "2001:db8:4:2::/64", "--reason", "our office")
    assert bans(house)["2001:db8:4::/48"]["made_by"] != "system"
    wait_until(lambda: inside.is_banned and inside.login() == 429, seconds=10)
    wait_until(lambda: friend.is_welcome, seconds=10)
    assert outside.is_welcome
    assert house.cli("ban", "add", "2001::/15", "--reason", "everybody", check=False).returncode == 1
    # An IPv4 address written as one of IPv6 is the IPv4 address: a ban of it is no ban of all that are written so.
    assert "::/64" not in bans(house)


@pytest.mark.one_machine("speaks to the listener itself; the cluster's balancer listens on IPv4")
@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_over_ipv6_itself(start_platform):
    platform = start_platform(**SETTINGS, OONRUMAIL_BIND_ADDRESS="127.0.0.1,::1", OONRUMAIL_HTTP_ADDRESS="127.0.0.1,::1")

    def greeting(host, port):
        with socket.create_connection((host, platform.ports[port]), timeout=20) as peer, contextlib.suppress(OSError):
            return peer.makefile("rb").readline()
        return b""

    def login(password):
        connection = http.client.HTTPConnection("::1", platform.ports["http"], timeout=20)
        connection.request("POST", "/api/auth/login", json.dumps({"email": ADMIN, "password": password}),
                           {"Content-Type": "application/json"})
        with contextlib.closing(connection):
            return connection.getresponse().status

    assert greeting("::1", "smtp").startswith(b"220 ") and login(PASSWORD) == 200
    for number in range(6):
        assert login(f"guess {number}") in (401, 429)
    wait_until(lambda: greeting("::1", "smtp") == REFUSED, seconds=10)
    assert greeting("::1", "imap").startswith(b"* BYE") and login(PASSWORD) == 429
    assert greeting("127.0.0.1", "smtp").startswith(b"220 ")
    assert list(bans(platform)) == ["::/64"]
