"""Networks that misbehave are refused over every protocol, by every process, and nobody else is.

Clients come from several loopback addresses; only 127.0.0.1, where the tests' own questions and the balancer come from, is exempt.
"""
import contextlib
import http.client
import imaplib
import json
import os
import smtplib
import socket
import ssl

import pytest
from platform_process import ADMIN, PASSWORD, Platform, any_certificate, wait_until

IS_CLUSTER = os.environ.get("OONRUMAIL_SHAPE") == "cluster"
if IS_CLUSTER:
    from cluster_platform import ClusterPlatform as Platform

SETTINGS = {
    "OONRUMAIL_TRUSTED_NETWORKS": "127.0.0.1/32",
    "OONRUMAIL_TRUST_FORWARDED_HEADERS": "true",
    "OONRUMAIL_BAN_EXEMPT": "none",
    "OONRUMAIL_PLAINTEXT_AUTH_ON_LOOPBACK": "true",
    "OONRUMAIL_MAX_CONNECTIONS_PER_ADDRESS": "1000",
    "OONRUMAIL_CONNECTION_RATE_PER_ADDRESS": "100000",
    "OONRUMAIL_BAN_INTERVAL": "200ms",
    # Five wrong passwords.
    "OONRUMAIL_BAN_THRESHOLD": "25",
    "OONRUMAIL_BAN_FIRST": "10m",
}
REFUSED = b"421 4.7.0 Too much misuse from your network, try again later\r\n"


class Client:
    """Somebody at an address of his own."""

    def __init__(self, platform, address, ports=None):
        self.platform = platform
        self.address = address
        self.ports = ports or platform.ports

    def connect(self, port):
        return socket.create_connection(("127.0.0.1", self.ports[port]), timeout=20, source_address=(self.address, 0))

    def greeting(self, port):
        """The first line; nothing when the connection closes without one."""
        with self.connect(port) as peer, contextlib.suppress(ConnectionResetError):
            return peer.makefile("rb").readline()
        return b""

    def shakes_hands(self, port):
        try:
            with any_certificate().wrap_socket(self.connect(port)) as peer:
                return peer.recv(10) != b""
        except (ssl.SSLError, OSError):
            return False

    def imap(self):
        client = Client.IMAP(self)
        client.login(ADMIN, PASSWORD)
        return client

    def http(self, method, path, body=None, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=20, source_address=(self.address, 0))
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        with contextlib.closing(connection):
            answer = connection.getresponse()
            return answer.status, answer.headers, json.loads(answer.read() or b"null")

    def login(self, password=PASSWORD, user=ADMIN):
        return self.http("POST", "/api/auth/login", {"email": user, "password": password})

    def fails_imap(self, password, user=ADMIN):
        with self.connect("imap") as peer:
            stream = peer.makefile("rwb")
            stream.readline()
            stream.write(f'a LOGIN {user} "{password}"\r\n'.encode())
            stream.flush()
            return stream.readline()

    def fails_smtp(self, password, user=ADMIN):
        client = smtplib.SMTP("127.0.0.1", self.ports["submission"], source_address=(self.address, 0), timeout=20)
        with contextlib.closing(client), pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(user, password)

    def recipients(self, *addresses):
        client = smtplib.SMTP("127.0.0.1", self.ports["smtp"], source_address=(self.address, 0), timeout=20)
        # Without QUIT, which a network that is banned by now has no answer to.
        with contextlib.closing(client):
            client.ehlo()
            client.mail("<>")
            return [client.rcpt(address)[0] for address in addresses]

    @property
    def is_banned(self):
        return self.greeting("smtp") == REFUSED

    @property
    def is_welcome(self):
        return (
            self.greeting("smtp").startswith(b"220 ") and self.greeting("imap").startswith(b"* OK")
            and self.shakes_hands("imaps") and self.login()[0] == 200
        )

    class IMAP(imaplib.IMAP4):
        def __init__(self, client):
            self.client = client
            super().__init__()

        def open(self, *_, **__):
            self.sock = self.client.connect("imap")
            self._file = self.file = self.sock.makefile("rb")


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    running = Platform(tmp_path_factory.mktemp("bans"), **SETTINGS).start()
    yield running
    running.stop()


def processes(platform, client):
    """The client at every process itself, without a balancer between."""
    if not IS_CLUSTER:
        return [client]
    return [Client(platform, client.address, ports) for ports in platform.cluster.places.values()]


def network(platform, address):
    return [row for row in platform.json("ban", "list") if row["network"] == f"{address}/32"]


def operator(platform):
    return platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]


def test_an_attacker_over_imap_is_refused_everywhere_and_his_neighbour_is_not(house):
    attacker, victim = Client(house, "127.0.0.2"), Client(house, "127.0.0.3")
    for number in range(4):
        assert attacker.fails_imap(f"guess {number}").startswith(b"a NO")
    assert not attacker.is_banned and attacker.greeting("imap").startswith(b"* OK")
    attacker.fails_imap("guess 4")
    wait_until(lambda: attacker.is_banned, seconds=10)
    for client in processes(house, attacker):
        for port in {"smtp", "submission"} & client.ports.keys():
            wait_until(lambda: client.greeting(port) == REFUSED, seconds=5)
        if "imap" in client.ports:
            wait_until(lambda: client.greeting("imap").startswith(b"* BYE Too much misuse"), seconds=5)
        for port in {"imaps", "submissions"} & client.ports.keys():
            wait_until(lambda: not client.shakes_hands(port), seconds=5)
        wait_until(lambda: client.http("GET", "/problems")[0] == 429, seconds=5)
        status, headers, problem = client.http("GET", "/api/users/me")
        assert status == 429 and 0 < int(headers["Retry-After"]) <= 600
        assert problem["type"] == "/problems/network-banned"
        assert client.http("GET", "/health")[0] == 200
    assert attacker.login()[0] == 429
    assert victim.is_welcome
    for client in processes(house, victim):
        if "smtp" in client.ports:
            assert client.greeting("smtp").startswith(b"220 ")
        assert client.http("GET", "/problems")[0] == 200
    [row] = network(house, "127.0.0.2")
    assert row["reason"] == "failed_sign_in 5" and row["is_automatic"] and row["times"] == 1 and row["made_by"] == "system"
    assert house.json("ban", "show", "127.0.0.2")[0]["network"] == "127.0.0.2/32"
    lines = house.http("GET", "/api/audit?subject=127.0.0.2/32", token=operator(house))[2]["events"]
    assert [(one["actor"], one["action"]) for one in lines] == [("system", "ban.add")]
    assert house.metric("oonrumail_bans_active") >= 1
    assert house.metric('oonrumail_bans_refused_total{protocol="imap"}') >= 1
    assert house.metric('oonrumail_bans_refused_total{protocol="http"}') >= 2
    log = "".join(path.read_text() for path in house.logs)
    assert log.count("refused: banned") <= len(house.pids) and "network banned" in log
    assert "guess 4" not in log


def test_points_of_all_protocols_count_together(house):
    attacker = Client(house, "127.0.0.4")
    attacker.fails_imap("one")
    attacker.fails_smtp("two")
    assert attacker.login("three")[0] == 401
    attacker.fails_smtp("four", "nobody@example.test")
    assert not attacker.is_banned
    assert attacker.login("five", "somebody@elsewhere.test")[0] == 401
    wait_until(lambda: attacker.is_banned, seconds=10)
    assert network(house, "127.0.0.4")[0]["reason"] == "failed_sign_in 5"


def test_a_program_with_an_outdated_password_is_not_banned(house):
    client = Client(house, "127.0.0.5")
    assert client.login("outdated")[0] == 401
    for _ in range(4):
        # Locked out soon, which is another matter.
        client.fails_smtp("outdated")
        client.fails_imap("outdated")
    assert client.login("outdated")[2]["type"] == "/problems/too-many-requests"
    assert client.recipients("admin@example.test") == [250]
    # What comes behind it was counted after it.
    marker = Client(house, "127.0.0.6")
    for number in range(5):
        marker.fails_imap(str(number))
    wait_until(lambda: marker.is_banned, seconds=10)
    assert network(house, "127.0.0.5") == [] and not client.is_banned


def test_harvesting_relaying_and_wrong_commands(house):
    harvester = Client(house, "127.0.0.7")
    assert harvester.recipients(*[f"guess{number}@example.test" for number in range(12)]) == [550] * 12
    assert not harvester.is_banned
    # Twelve again are no further guesses.
    assert harvester.recipients(*[f"guess{number}@example.test" for number in range(12)]) == [550] * 12
    assert not harvester.is_banned
    harvester.recipients("guess13@example.test")
    wait_until(lambda: harvester.is_banned, seconds=10)
    assert network(house, "127.0.0.7")[0]["reason"] == "unknown_recipient 13"
    relayer = Client(house, "127.0.0.8")
    assert relayer.recipients("a@one.test", "b@one.test", "c@one.test") == [550] * 3
    assert not relayer.is_banned
    relayer.recipients("a@two.test")
    wait_until(lambda: relayer.is_banned, seconds=10)
    rude = Client(house, "127.0.0.9")
    for port, words in (("imap", b"a NONSENSE\r\n"), ("smtp", b"NONSENSE\r\n")):
        with rude.connect(port) as peer:
            peer.recv(100)
            with contextlib.suppress(OSError):
                peer.sendall(words * 300)
                while peer.recv(65_536):
                    pass
    wait_until(lambda: rude.is_banned, seconds=10)
    assert network(house, "127.0.0.9")[0]["reason"].startswith("protocol_abuse 2")
    scanner = Client(house, "127.0.0.10")
    for _ in range(5):
        with scanner.connect("imaps") as peer, contextlib.suppress(OSError):
            peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
            peer.recv(100)
    wait_until(lambda: scanner.is_banned, seconds=10)
    # Who does not trust the certificate is no attacker.
    careful = Client(house, "127.0.0.11")
    for _ in range(8):
        with pytest.raises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(careful.connect("imaps"), server_hostname="mail.example.test")
    assert careful.is_welcome


def test_who_is_signed_in_stays_and_who_is_not_is_told(house):
    client = Client(house, "127.0.0.12")
    tokens = client.login()[2]
    signed_in = client.imap()
    idle = {port: client.connect(port) for port in ("imap", "smtp", "submission")}
    streams = {port: peer.makefile("rwb") for port, peer in idle.items()}
    for stream in streams.values():
        stream.readline()
    stranger = Client(house, "127.0.0.13").connect("imap").makefile("rwb")
    stranger.readline()
    house.cli("ban", "add", "127.0.0.12", "--reason", "test", "--for", "1h")
    assert streams["imap"].readline() == b"* BYE Too much misuse from your network; try again later\r\n"
    assert streams["smtp"].readline() == REFUSED and streams["submission"].readline() == REFUSED
    assert all(stream.readline() == b"" for stream in streams.values())
    assert signed_in.noop()[0] == "OK"
    wait_until(lambda: client.login()[0] == 429, seconds=5)
    assert client.http("GET", "/api/users/me", token=tokens["access_token"])[0] == 200
    assert client.http("GET", "/api/users/me", token=tokens["access_token"][:-5])[0] == 429
    assert client.http("POST", "/api/auth/refresh", {"refresh_token": tokens["refresh_token"]})[0] == 200
    stranger.write(b"a NOOP\r\n")
    stranger.flush()
    assert stranger.readline().startswith(b"a OK")


def test_a_lifted_network_is_welcome_at_once_and_begins_anew(house):
    client = Client(house, "127.0.0.14")
    for number in range(5):
        client.fails_imap(str(number))
    wait_until(lambda: client.is_banned, seconds=10)
    house.cli("ban", "lift", "127.0.0.14")
    wait_until(lambda: client.greeting("smtp").startswith(b"220 "), seconds=5)
    for one in processes(house, client):
        wait_until(lambda: one.http("GET", "/problems")[0] == 200, seconds=5)
    assert client.is_welcome
    for number in range(4):
        client.fails_imap(f"again {number}")
    assert client.greeting("imap").startswith(b"* OK") and not client.is_banned
    assert house.cli("ban", "lift", "127.0.0.14", check=False).returncode == 3


def test_operators_ban_networks_and_exempt_them(house):
    inside, outside = Client(house, "127.0.5.7"), Client(house, "127.0.6.7")
    token = operator(house)
    status, headers, made = house.http("POST", "/api/bans", {"network": "127.0.5.7/24", "reason": "floods us", "seconds": 60}, token)
    assert status == 201 and headers["Location"] == f"/api/bans/{made['id']}"
    assert made["network"] == "127.0.5.0/24" and made["made_by"] == ADMIN and not made["is_automatic"]
    wait_until(lambda: inside.is_banned, seconds=5)
    assert outside.is_welcome
    # The balancer and the tests' own address are exempt, whatever is banned.
    assert house.cli("ban", "add", "127.0.0.1", "--reason", "no", check=False).returncode == 1
    house.cli("ban", "exempt", "127.0.5.0/25", "--reason", "friends")
    wait_until(lambda: inside.is_welcome, seconds=5)
    # More than ban others, fewer than lock him out.
    for number in range(8):
        assert inside.fails_imap(str(number)).startswith(b"a NO")
    assert inside.is_welcome
    assert house.http("DELETE", f"/api/bans/{made['id']}", token=token)[0] == 204
    assert house.http("DELETE", f"/api/bans/{made['id']}", token=token)[0] == 404
    assert house.http("GET", f"/api/bans/{made['id']}", token=token)[2]["state"] == "over"
    house.cli("ban", "lift", "127.0.5.0/25")
    wide = {"network": "0.0.0.0/0", "reason": "everybody"}
    assert house.http("POST", "/api/bans", wide, token)[0] == 422
    for wrong in ({"network": "somewhere"}, {"network": "192.0.2.1", "seconds": 0}, {"network": "192.0.2.1", "kind": "wish"}):
        assert house.http("POST", "/api/bans", {"reason": "r", **wrong}, token)[0] == 422
    assert house.http("GET", "/api/bans?address=nobody", token=token)[0] == 400
    member = house.add_account("member@example.test")
    own = house.http("POST", "/api/auth/login", {"email": member, "password": PASSWORD})[2]["access_token"]
    for method, path, body in (("GET", "", None), ("POST", "", wide), ("GET", f"/{made['id']}", None), ("DELETE", f"/{made['id']}", None)):
        assert house.http(method, f"/api/bans{path}", body, own)[0] == 403
        assert house.http(method, f"/api/bans{path}", body)[0] == 401


@pytest.mark.skipif(not IS_CLUSTER, reason="one machine has no Redis")
def test_without_redis_bans_hold_and_nobody_new_is_banned_by_mistake(house):
    from cluster_platform import backends

    banned, other = Client(house, "127.0.0.15"), Client(house, "127.0.0.16")
    for number in range(5):
        banned.fails_imap(str(number))
    wait_until(lambda: banned.is_banned, seconds=10)
    backends().redis.kill()
    try:
        assert banned.is_banned and banned.greeting("imap").startswith(b"* BYE")
        # As many as ban with Redis: here others may know accounts of his.
        for number in range(5):
            other.fails_imap(str(number))
        assert other.recipients(*[f"away{number}@example.test" for number in range(20)]) == [550] * 20
        house.cli("ban", "add", "127.0.0.17", "--reason", "by hand")
        wait_until(lambda: Client(house, "127.0.0.17").is_banned, seconds=10)
        assert other.is_welcome
    finally:
        backends().redis.start()
    house.cli("ban", "lift", "127.0.0.15")
    wait_until(lambda: not banned.is_banned, seconds=10)


def test_bans_grow_and_survive_a_restart(start_platform):
    platform = start_platform(**{**SETTINGS, "OONRUMAIL_BAN_FIRST": "3s", "OONRUMAIL_BAN_GROWTH": "100"})
    client = Client(platform, "127.0.0.2")

    def attack(words):
        for number in range(5):
            client.fails_imap(f"{words} {number}")
        wait_until(lambda: client.is_banned, seconds=10)

    attack("first")
    wait_until(lambda: not client.is_banned, seconds=10)
    attack("second")
    [row] = network(platform, "127.0.0.2")
    assert row["times"] == 2
    platform.stop()
    platform.start()
    for one in processes(platform, client):
        assert one.http("GET", "/problems")[0] == 429
    assert client.is_banned and Client(platform, "127.0.0.3").is_welcome


def test_bans_can_be_turned_off(start_platform):
    platform = start_platform(**{**SETTINGS, "OONRUMAIL_BANS": "false"})
    client = Client(platform, "127.0.0.2")
    platform.cli("ban", "add", "127.0.0.2", "--reason", "in vain")
    for number in range(8):
        client.fails_imap(str(number))
    assert client.is_welcome
    assert platform.json("ban", "list")[0]["is_automatic"] is False and len(platform.json("ban", "list")) == 1
