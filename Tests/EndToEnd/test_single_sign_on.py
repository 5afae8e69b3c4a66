"""Signing in by identity providers of domains: a real one, and one that gets everything wrong in turn."""
import base64
import hashlib
import http.client
import imaplib
import json
import secrets
import subprocess
import sys

import urllib.parse
import urllib.request

import pytest
from hostile_provider import HostileProvider
from platform_process import ADMIN, PASSWORD, free_port, wait_until

START = "/api/auth/sso/start"


@pytest.fixture(scope="module")
def hostile():
    provider = HostileProvider()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    """A provider's own program, from another house."""
    port = free_port()
    log = open(tmp_path_factory.mktemp("provider") / "log", "wb")
    claims = '{"sub":"real-1","email":"ann@sso-real.test","email_verified":true,"name":"Ann Real"}'
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--user-claims", claims]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}"

    def is_up():
        try:
            return urllib.request.urlopen(f"{base}/.well-known/openid-configuration", timeout=2)
        except OSError:
            return None

    wait_until(is_up)
    yield base
    process.terminate()
    process.wait()


def ask(url, method="GET", cookie=None, body=None):
    """Status and headers, without following redirects."""
    parts = urllib.parse.urlsplit(url)
    link = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    headers = {"Cookie": cookie} if cookie else {}
    if body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    link.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
    answer = link.getresponse()
    answer.read()
    link.close()
    return answer.status, answer.headers


class House:
    """A domain with a connection, and a browser at its people's disposal."""

    def __init__(self, platform, domain):
        self.platform, self.domain = platform, domain
        platform.cli("domain", "add", domain, check=False)
        self.admin = platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]
        self.path = f"/api/domains/{domain}/sso"

    def connect(self, issuer, **members):
        body = {"issuer": issuer, "client_id": HostileProvider.CLIENT, "client_secret": HostileProvider.SECRET, **members}
        return self.platform.http("PUT", self.path, body, self.admin)

    def begin(self):
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        status, headers = ask(f"{self.base}{START}?domain={self.domain}&challenge={challenge}")
        if status != 302:
            return status, None, None
        return headers["Location"], headers["Set-Cookie"].split(";")[0], verifier

    @property
    def base(self):
        return f"http://127.0.0.1:{self.platform.ports['http']}"

    def back(self, place, cookie):
        """The way back from the provider; the query of the page that the browser comes to."""
        status, headers = ask(f"{self.base}/api/auth/sso/callback?{urllib.parse.urlsplit(place).query}", cookie=cookie)
        if status != 302:
            return {"status": status}
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(headers["Location"]).query))

    def sign_in(self, click=None):
        """Tokens, or the word for why there are none."""
        address, cookie, verifier = self.begin()
        if cookie is None:
            return address
        status, headers = (click or ask)(address)
        assert status == 302, status
        page = self.back(headers["Location"], cookie)
        if "code" not in page:
            return page.get("error", page)
        status, _, tokens = self.exchange(page["code"], verifier)
        return tokens if status == 200 else status

    def exchange(self, code, verifier):
        return self.platform.http("POST", "/api/auth/sso/token", {"code": code, "verifier": verifier})

    def me(self, tokens):
        return self.platform.http("GET", "/api/users/me", token=tokens["access_token"])[2]

    def why(self):
        """Why the last sign-in was refused, as the domain's administrator reads it."""
        path = f"/api/audit?action=sso.refused&subject={self.domain}&limit=1"
        rows = self.platform.http("GET", path, token=self.admin)[2]["events"]
        return json.loads(rows[0]["detail"])["why"]


def test_a_real_provider_signs_people_in_and_makes_their_accounts(platform, provider):
    house = House(platform, "sso-real.test")
    mode = platform.http("GET", "/api/auth/sso?address=ann@sso-real.test")[2]
    assert mode["mode"] == "password"
    assert house.connect(provider, makes_accounts=True)[0] == 200
    mode = platform.http("GET", "/api/auth/sso?address=nobody@sso-real.test")[2]
    assert mode == {"mode": "optional", "start_url": f"{START}?domain=sso-real.test"}
    steps = platform.http("POST", f"{house.path}/check", b"", house.admin)[2]["steps"]
    assert [step["name"] for step in steps] == ["discovery", "keys", "client"] and steps[0]["ok"] and steps[1]["ok"]

    def click(address):
        return ask(address, "POST", body="sub=real-1")

    tokens = house.sign_in(click)
    me = house.me(tokens)
    assert me["email"] == "ann@sso-real.test" and me["display_name"] == "Ann Real" and me["role"] == "member"
    assert house.me(house.sign_in(click))["id"] == me["id"]
    links = platform.http("GET", f"{house.path}/links", token=house.admin)[2]["links"]
    assert [(link["email"], link["subject"]) for link in links] == [("ann@sso-real.test", "real-1")]


@pytest.mark.parametrize("case, why", [
    ("right", None), ("pss", None), ("curve", None), ("userinfo", None),
    ("other-key", "id_token.signature"), ("none", "id_token.algorithm"), ("secret", "id_token.algorithm"),
    ("issuer", "id_token.issuer"), ("audience", "id_token.audience"), ("party", "id_token.audience"),
    ("expired", "id_token.expired"), ("future", "id_token.issued_at"), ("nonce", "id_token.nonce"),
    ("at-hash", "id_token.at_hash"), ("subject", "id_token.subject"), ("unknown-key", "id_token.unknown_key"),
    ("userinfo-other", "userinfo.subject_differs"), ("unverified", "address.unverified"),
    ("denied", "provider.access_denied"), ("iss-other", "provider.mixed_up"), ("iss-missing", "provider.mixed_up"),
    ("keys-huge", "keys.too_large"), ("metadata-redirect", "discovery.redirected"), ("metadata-slow", "discovery.too_slow"),
    ("metadata-huge", "discovery.too_large"), ("metadata-issuer", "discovery.issuer_differs"),
    ("metadata-inside", "discovery.address_refused"),
])
def test_what_a_provider_gets_wrong_is_refused_and_told(platform, hostile, case, why):
    house = House(platform, f"sso-{case}.test")
    assert house.connect(hostile.issuer(case), makes_accounts=True)[0] == 200
    hostile.claims = {"sub": f"s-{case}", "email": f"ann@sso-{case}.test", "email_verified": True, "name": "Ann"}
    outcome = house.sign_in()
    if why is None:
        assert house.me(outcome)["email"] == f"ann@sso-{case}.test"
        return
    assert outcome in ("refused", "denied", "provider_unavailable", 502)
    assert house.why() == why
    assert platform.http("GET", f"/api/domains/{house.domain}/accounts", token=house.admin)[2]["accounts"] == []


def test_a_connection_signs_in_its_own_domain_alone(platform, hostile):
    house, other = House(platform, "sso-own.test"), House(platform, "sso-foreign.test")
    platform.add_account("ann@sso-foreign.test")
    assert house.connect(hostile.issuer("right-own"), makes_accounts=True)[0] == 200
    hostile.claims = {"sub": "own-1", "email_verified": True}
    for address in ("ann@sso-foreign.test", ADMIN, "ann@elsewhere.test", "ann@SSO-FOREIGN.test"):
        hostile.claims["email"] = address
        assert house.sign_in() == "refused" and house.why() == "address.foreign"
    # Not even when the other domain has a provider of its own, the same one.
    assert other.connect(hostile.issuer("right-own"))[0] == 200
    hostile.claims["email"] = "ann@sso-foreign.test"
    assert house.sign_in() == "refused" and house.why() == "address.foreign"
    for address in ("ann", "ann@sso-own.test\r\nx", "\"ann\"@sso-own.test", "", "ann@sso-own.test, b@sso-own.test"):
        hostile.claims["email"] = address
        assert house.sign_in() == "refused" and house.why() == "address.malformed"


def test_what_is_verified_is_the_address_of_that_name(platform, hostile):
    """A claim that people write themselves is not verified by what is known of their `email`."""
    house = House(platform, "sso-named.test")
    assert house.connect(hostile.issuer("right-named"), address_claim="preferred_username", makes_accounts=True)[0] == 200
    hostile.claims = {"sub": "named-1", "email": "me@elsewhere.test", "email_verified": True, "preferred_username": "boss@sso-named.test"}
    assert house.sign_in() == "refused" and house.why() == "address.unverified"
    hostile.claims = {"sub": "named-2", "email": "boss@sso-named.test", "email_verified": True, "preferred_username": "boss@sso-named.test"}
    assert house.me(house.sign_in())["email"] == "boss@sso-named.test"


def test_domain_aliases_are_covered_only_when_the_connection_says_so(platform, hostile):
    house = House(platform, "sso-main.test")
    platform.add_account("ann@sso-main.test")
    platform.cli("domain", "add", "sso-alias.test")
    platform.cli("domain", "alias", "sso-alias.test", "--of", "sso-main.test")
    hostile.claims = {"sub": "alias-1", "email": "ann@sso-alias.test", "email_verified": True}
    assert house.connect(hostile.issuer("right-main"))[0] == 200
    assert house.sign_in() == "refused" and house.why() == "address.foreign"
    assert platform.http("GET", "/api/auth/sso?address=ann@sso-alias.test")[2]["mode"] == "password"
    assert house.connect(hostile.issuer("right-main"), covers_aliases=True)[0] == 200
    assert house.me(house.sign_in())["email"] == "ann@sso-main.test"


def test_another_person_with_the_same_address_does_not_open_the_account(platform, hostile):
    house = House(platform, "sso-subject.test")
    account = platform.add_account("ann@sso-subject.test")
    assert house.connect(hostile.issuer("right-subject"))[0] == 200
    hostile.claims = {"sub": "first", "email": account, "email_verified": True}
    me = house.me(house.sign_in())
    hostile.claims["sub"] = "second"
    assert house.sign_in() == "refused" and house.why() == "account.subject_changed"
    # The first one is known by the subject, whatever the address is called by now.
    hostile.claims.update(sub="first", email="ann.married@sso-subject.test")
    assert house.me(house.sign_in())["id"] == me["id"]
    hostile.claims.update(sub="third", email="nobody@sso-subject.test")
    assert house.sign_in() == "refused" and house.why() == "account.none"
    path = f"{house.path}/links/{me['id']}"
    assert platform.http("DELETE", path, token=house.admin)[0] == 204
    assert platform.http("DELETE", path, token=house.admin)[0] == 404
    hostile.claims.update(sub="second", email=account)
    assert house.me(house.sign_in())["id"] == me["id"]


def test_steps_belong_to_one_browser_and_are_taken_once(platform, hostile):
    house = House(platform, "sso-steps.test")
    platform.add_account("ann@sso-steps.test")
    assert house.connect(hostile.issuer("right-steps"))[0] == 200
    hostile.claims = {"sub": "steps-1", "email": "ann@sso-steps.test", "email_verified": True}
    (address, cookie, verifier), (other, foreign, _) = house.begin(), house.begin()
    assert "HttpOnly" in ask(f"{house.base}{START}?domain={house.domain}&challenge={'A' * 43}")[1]["Set-Cookie"]
    place = ask(address)[1]["Location"]
    assert house.back(place, None) == {"status": 400}
    assert house.back(place, foreign) == {"status": 400}
    assert house.back(place, cookie[:-2]) == {"status": 400}
    page = house.back(place, cookie)
    assert house.back(place, cookie) == {"status": 400}
    assert house.exchange(page["code"], secrets.token_urlsafe(32))[0] == 401
    # Neither is good for the other's purpose.
    assert house.exchange(cookie.split("=", 1)[1], verifier)[0] == 401
    assert house.exchange(page["code"], verifier)[0] == 200
    assert house.exchange(page["code"], verifier)[0] == 401
    for query in ("domain=sso-steps.test", "domain=sso-steps.test&challenge=short",
                  f"domain=sso-steps.test&challenge={'A' * 43}&return_to=https://evil.test/"):
        assert ask(f"{house.base}{START}?{query}")[0] == 400
    assert ask(f"{house.base}{START}?domain=nothing.test&challenge={'A' * 43}")[0] == 404


def test_an_enforced_provider_leaves_passwords_to_owners(platform, hostile):
    house = House(platform, "sso-enforced.test")
    ann, owner = platform.add_account("ann@sso-enforced.test"), platform.add_account("olga@sso-enforced.test")
    platform.cli("account", "change", owner, "--role", "owner")
    secret = platform.cli("app-password", "add", ann, "--name", "laptop").stdout.strip()
    before = platform.http("POST", "/api/auth/login", {"email": ann, "password": PASSWORD})[2]["access_token"]
    assert house.connect(hostile.issuer("right-enforced"), enforced=True)[0] == 200
    answers = [
        platform.http("POST", "/api/auth/login", {"email": who, "password": password})
        for who, password in [(ann, PASSWORD), (ann, "wrong"), ("nobody@sso-enforced.test", "wrong"), (owner, "wrong")]
    ]
    # Word for word the same, whoever it is and whatever the password.
    assert {answer[0] for answer in answers} == {403}
    assert {answer[2]["detail"] for answer in answers} == {answers[0][2]["detail"]}
    assert answers[0][2]["type"] == "/problems/identity-provider-needed" and START in answers[0][1]["Link"]
    change = {"old_password": PASSWORD, "new_password": "another good long one 7"}
    assert platform.http("PUT", "/api/users/me/password", change, before)[2]["type"] == "/problems/identity-provider-needed"
    # Mail protocols tell no more: not who is there, nor whether the password was right.
    heard = set()
    for who, password in [(ann, PASSWORD), (ann, "wrong"), ("nobody@sso-enforced.test", "wrong"), (ann, PASSWORD)]:
        with pytest.raises(imaplib.IMAP4.error) as refused:
            platform.imap(who, password)
        heard.add(str(refused.value))
    assert len(heard) == 1, heard
    platform.imap(ann, secret).logout()
    hostile.claims = {"sub": "enforced-1", "email": ann, "email_verified": True}
    assert house.me(house.sign_in())["email"] == ann


def test_who_is_above_the_one_who_set_it_is_not_signed_in(platform, hostile):
    house = House(platform, "sso-rank.test")
    platform.cli("account", "add", "root@sso-rank.test", "--role", "platform-admin", "--password-stdin", stdin=PASSWORD + "\n")
    platform.cli("account", "add", "adam@sso-rank.test", "--role", "admin", "--password-stdin", stdin=PASSWORD + "\n")
    adam = platform.http("POST", "/api/auth/login", {"email": "adam@sso-rank.test", "password": PASSWORD})[2]["access_token"]
    body = {"issuer": hostile.issuer("right-rank"), "client_id": HostileProvider.CLIENT, "client_secret": HostileProvider.SECRET}
    status, _, kept = platform.http("PUT", house.path, body, adam)
    assert status == 200 and kept["set_by"] == "admin" and "secret" not in str(kept).replace("has_client_secret", "")
    hostile.claims = {"sub": "rank-1", "email": "root@sso-rank.test", "email_verified": True}
    assert house.sign_in() == "refused" and house.why() == "account.role_above"
    hostile.claims = {"sub": "rank-2", "email": "adam@sso-rank.test", "email_verified": True}
    assert house.me(house.sign_in())["role"] == "admin"


def test_connections_are_their_managers_alone(platform, hostile):
    house = House(platform, "sso-tenant.test")
    member = platform.add_account("mia@sso-tenant.test")
    token = platform.http("POST", "/api/auth/login", {"email": member, "password": PASSWORD})[2]["access_token"]
    platform.cli("domain", "add", "sso-stranger.test", "--organisation", "Strangers")
    platform.cli("account", "add", "eve@sso-stranger.test", "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
    eve = platform.http("POST", "/api/auth/login", {"email": "eve@sso-stranger.test", "password": PASSWORD})[2]["access_token"]
    assert house.connect(hostile.issuer("right-tenant"))[0] == 200
    body = {"issuer": hostile.issuer("right"), "client_id": "x"}
    for method, path, content in [
        ("GET", house.path, None), ("PUT", house.path, body), ("DELETE", house.path, None),
        ("POST", f"{house.path}/check", b""), ("GET", f"{house.path}/links", None), ("DELETE", f"{house.path}/links/1", None),
    ]:
        assert platform.http(method, path, content, eve)[0] == 404, (method, path)
        assert platform.http(method, path, content, token)[0] == 403, (method, path)
    for issuer in ("http://198.41.0.4", "https://10.0.0.1", "https://169.254.169.254/x", "ftp://x.test", "https://a@b.test", "x"):
        assert house.connect(issuer)[0] == 422, issuer
    assert house.connect(hostile.issuer("right"), scopes="email")[0] == 422
    # A secret does not follow to another provider.
    assert platform.http("PUT", house.path, body, house.admin)[2]["has_client_secret"] is False


def test_the_command_line(platform, hostile):
    house = House(platform, "sso-cli.test")
    issuer = hostile.issuer("right-cli")
    arguments = ("sso", "set", house.domain, "--issuer", issuer, "--client-id", HostileProvider.CLIENT)
    platform.cli(*arguments, "--secret-stdin", stdin=HostileProvider.SECRET + "\n")
    assert platform.json("sso", "show", house.domain)["set_by"] == "platform-admin"
    checked = platform.json("sso", "check", house.domain)
    assert [step["ok"] for step in checked] == [True, True, True]
    platform.cli(*arguments, "--secret-stdin", stdin="wrong\n")
    refused = platform.cli("sso", "check", house.domain, check=False)
    assert refused.returncode == 1 and "refuses the client" in refused.stdout
    assert HostileProvider.SECRET not in platform.cli("sso", "show", house.domain).stdout
    platform.cli("sso", "remove", house.domain)
    assert platform.cli("sso", "show", house.domain, check=False).returncode != 0
