"""Every secret that can be guessed counts towards a ban, each wrong one once; what honest programs do wrong does not."""
import base64
import http.client
import secrets
import urllib.parse

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from platform_process import ADMIN, PASSWORD, free_port, wait_until
from soft_authenticator import SoftAuthenticator
from test_bans import IS_CLUSTER, SETTINGS, Client, network
from test_openid import Browser, Party, xoauth2
from test_passkeys import HOST, sign_in_options
from test_passkeys import Person as Keyed
from test_second_factor import Person as Coded

if IS_CLUSTER:
    from cluster_platform import ClusterPlatform as Platform
else:
    from platform_process import Platform

MORE = {"OONRUMAIL_SIGN_UP": "open"}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    running = Platform(tmp_path_factory.mktemp("guesses"), **(SETTINGS | MORE)).start()
    for domain in ("passkey.test", "factor.test"):
        running.cli("domain", "add", domain, check=False)
    yield running
    running.stop()


def form(client, path, fields):
    connection = http.client.HTTPConnection("127.0.0.1", client.ports["http"], timeout=20, source_address=(client.address, 0))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", path, urllib.parse.urlencode(fields), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def token(number):
    """Of the shape that tokens have, another for each number."""
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


class Guesser:
    """Somebody who tries secrets of one kind from an address of his own; what he needs he has from elsewhere."""

    def __init__(self, house, address):
        self.house, self.client = house, Client(house, address)

    def post(self, path, body, bearer=None):
        return self.client.http("POST", path, body, bearer)[0]


class UnknownPasskey(Guesser):
    def __call__(self, number):
        stranger = SoftAuthenticator(f"https://{HOST}", HOST)
        stranger.id, stranger.handle = number.to_bytes(32, "big"), "AAAAAAAAAAE"
        return self.post("/api/auth/passkey/verify", {"credential": stranger.get(sign_in_options(self.house))})


class ForgedPasskey(Guesser):
    """A passkey that is somebody's, without its key."""

    def __init__(self, house, address):
        super().__init__(house, address)
        self.person = Keyed(house, "forged")
        self.answers = {}

    def __call__(self, number):
        if number not in self.answers:
            self.person.device.key = ec.generate_private_key(ec.SECP256R1())
            self.answers[number] = self.person.device.get(sign_in_options(self.house))
        return self.post("/api/auth/passkey/verify", {"credential": self.answers[number]})


class Code(Guesser):
    shape = "{:06}"

    def __init__(self, house, address):
        super().__init__(house, address)
        person = Coded(house, type(self).__name__.lower())
        self.challenge = house.http("POST", "/api/auth/login", {"email": person.address, "password": PASSWORD})[2]["challenge"]

    def __call__(self, number):
        return self.post("/api/auth/second-factor", {"challenge": self.challenge, "code": self.shape.format(number)})


class RecoveryCode(Code):
    shape = "aaaa-bbbb-{:04}"


class ResetToken(Guesser):
    def __call__(self, number):
        return self.post("/api/auth/password-reset/complete", {"token": token(number), "new_password": "quite another horse"})


class RecoveryAddressToken(Guesser):
    def __init__(self, house, address):
        super().__init__(house, address)
        self.bearer = house.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]

    def __call__(self, number):
        return self.post("/api/users/me/recovery-address/confirm", {"token": token(number)}, self.bearer)


class InvitationToken(Guesser):
    def __call__(self, number):
        return self.post("/api/auth/invitations/accept", {"token": token(number), "password": "quite another horse"})


class InvitationTokenForAPasskey(Guesser):
    def __call__(self, number):
        return self.post("/api/auth/invitations/accept/options", {"token": token(number)})


class SignUpToken(Guesser):
    def __call__(self, number):
        return self.post("/api/auth/sign-up/verify", {"token": token(number)})


class RegistrationToken(Guesser):
    def __call__(self, number):
        return self.post("/api/registrations/verify", {"token": token(number), "password": "quite another horse"})


class RefreshToken(Guesser):
    def __call__(self, number):
        return self.post("/api/auth/refresh", {"refresh_token": f"{'f' * 16}.1.{token(number)}"})


class AccessToken(Guesser):
    """By IMAP; not one that the platform ever made."""

    def __call__(self, number):
        with self.client.connect("imap") as peer:
            stream = peer.makefile("rwb")
            stream.readline()
            words = base64.b64encode(xoauth2(ADMIN, f"e30.{token(number)}.e30"))
            stream.write(b"a AUTHENTICATE XOAUTH2 " + words + b"\r\n\r\n")
            stream.flush()
            while not (line := stream.readline()).startswith(b"a "):
                if not line:
                    return 429
            return 401 if line.startswith(b"a NO") else 200


class UserCode(Guesser):
    def __init__(self, house, address):
        super().__init__(house, address)
        self.browser = Browser(house.issuer)
        _, page = self.browser.open(f"{house.issuer}/device")
        _, self.page = self.browser.sign_in(page, ADMIN)
        self.browser.source = address

    def __call__(self, number):
        letters = "BCDFGHJKLMNPQRSTVWXZ"
        return self.browser.send(self.page, "find", user_code="bbb-bbbb" + letters[number])[0]


class Programs(Guesser):
    def __init__(self, house, address):
        super().__init__(house, address)
        name = type(self).__name__
        self.party = Party(house, name, "--public", redirect="https://tv.example.test/")

    def ask(self, **fields):
        return form(self.client, "/oauth2/token", {"client_id": self.party.id} | fields)


class DeviceCode(Programs):
    def __call__(self, number):
        return self.ask(grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=token(number))


class AuthorizationCode(Programs):
    def __call__(self, number):
        return self.ask(grant_type="authorization_code", code=token(number), redirect_uri="https://tv.example.test/")


class ProgramRefreshToken(Programs):
    def __call__(self, number):
        return self.ask(grant_type="refresh_token", refresh_token=f"{'f' * 16}.1.{token(number)}")


class ProgramSecret(Guesser):
    def __init__(self, house, address):
        super().__init__(house, address)
        self.party = Party(house, "Confidential")

    def __call__(self, number):
        fields = {"client_id": self.party.id, "client_secret": token(number), "grant_type": "refresh_token", "refresh_token": "x"}
        return form(self.client, "/oauth2/token", fields)


KINDS = [
    UnknownPasskey, ForgedPasskey, Code, RecoveryCode, ResetToken, RecoveryAddressToken, InvitationToken,
    InvitationTokenForAPasskey, SignUpToken, RegistrationToken, RefreshToken, AccessToken, UserCode, DeviceCode,
    AuthorizationCode, ProgramRefreshToken, ProgramSecret,
]


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_five_different_guesses_ban_and_the_same_one_does_not(house, kind):
    address = f"127.0.2.{KINDS.index(kind) + 1}"
    guess = kind(house, address)
    for number in (1, 2, 3, 4, 1, 1, 4):
        assert guess(number) in (400, 401, 422), (kind, number)
    assert not guess.client.is_banned
    assert guess(5) in (400, 401, 422)
    wait_until(lambda: guess.client.is_banned, seconds=10)
    assert network(house, address)[0]["reason"] == "failed_sign_in 5"


def sign_in(client, house, person):
    return client.http("POST", "/api/auth/passkey/verify", {"credential": person.device.get(sign_in_options(house))})


def test_who_signs_in_by_a_passkey_or_a_code_speaks_for_the_network(house):
    keyed, coded = Keyed(house, "known"), Coded(house, "known")
    client = Client(house, "127.0.3.1")
    assert sign_in(client, house, keyed)[0] == 200
    challenge = client.login(user=coded.address)[2]["challenge"]
    answer = client.http("POST", "/api/auth/second-factor", {"challenge": challenge, "code": coded.recovery[0]})
    assert answer[0] == 200, answer
    # Two accounts: a bound of 29 in place of 25.
    for number in range(5):
        assert client.login(f"wrong {number}")[0] == 401
    marker = Client(house, "127.0.3.2")
    for number in range(5):
        marker.login(f"wrong {number}")
    wait_until(lambda: marker.is_banned, seconds=10)
    assert not client.is_banned
    client.login("wrong 5")
    wait_until(lambda: client.is_banned, seconds=10)


def test_a_passkey_that_was_removed_or_is_late_counts_once(house):
    person, client = Keyed(house, "late"), Client(house, "127.0.3.3")
    answer = person.device.get(sign_in_options(house))
    assert client.http("POST", "/api/auth/passkey/verify", {"credential": answer})[0] == 200
    for _ in range(8):
        # Answered before, and then for another page.
        assert client.http("POST", "/api/auth/passkey/verify", {"credential": answer})[0] == 401
        person.device.origin = "https://elsewhere.test"
        assert sign_in(client, house, person)[0] == 401
    assert client.login()[0] == 200 and not client.is_banned
    assert network(house, "127.0.3.3") == []


def test_tokens_that_are_over_count_nothing(house):
    client = Client(house, "127.0.3.4")
    over = []
    for _ in range(7):
        tokens = house.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]
        assert house.http("POST", "/api/auth/logout", {"refresh_token": tokens["refresh_token"]})[0] == 204
        over.append(tokens["access_token"])
    for one in over:
        with client.connect("imap") as peer:
            stream = peer.makefile("rwb")
            stream.readline()
            stream.write(b"a AUTHENTICATE XOAUTH2 " + base64.b64encode(xoauth2(ADMIN, one)) + b"\r\n\r\n")
            stream.flush()
            while not (line := stream.readline()).startswith(b"a "):
                assert line
            assert line.startswith(b"a NO")
        assert client.http("GET", "/api/users/me", token=one)[0] == 401
    assert not client.is_banned and network(house, "127.0.3.4") == []
