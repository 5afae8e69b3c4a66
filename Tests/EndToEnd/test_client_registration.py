"""Mail programs that register themselves (RFC 7591), and how they find out that they can."""
import base64
import http.client
import json
import urllib.parse
import xml.etree.ElementTree as tree

import pytest
from platform_process import ADMIN, PASSWORD
from test_discovery import ask
from test_openid import Browser, Party, imap, oauthbearer, smtp

ALL = "openid email profile offline_access imap smtp"
THUNDERBIRD = {
    "client_name": "Thunderbird", "redirect_uris": ["http://127.0.0.1:1/", "http://localhost"],
    "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
    "scope": ALL, "client_uri": "https://www.thunderbird.example.test", "software_id": "thunderbird", "software_version": "140",
}


def post(platform, body, kind="application/json", place="/oauth2/register"):
    """Status, headers and the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", platform.ports["http"], timeout=30)
    connection.request("POST", place, body if isinstance(body, bytes) else json.dumps(body), {"Content-Type": kind})
    answer = connection.getresponse()
    return answer.status, answer.headers, json.loads(answer.read())


def register(platform, **changes):
    status, headers, client = post(platform, {name: value for name, value in (THUNDERBIRD | changes).items() if value is not None})
    assert status == 201, client
    assert headers["Cache-Control"] == "no-store" and headers["Content-Type"] == "application/json"
    return client


class Program(Party):
    """A mail program that knows the provider's address alone."""

    def __init__(self, platform, client, redirect, scope=ALL):
        self.platform, self.issuer, self.client, self.redirect = platform, platform.issuer, client, redirect
        self.metadata = platform.http("GET", "/.well-known/oauth-authorization-server")[2]
        self.id, self.secret, self.scope, self.state = client["client_id"], None, scope, "s-1"
        self.verifier = "verifier-of-a-mail-program-on-somebodys-device"

    def url(self, **more):
        import hashlib
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "client_id": self.id, "redirect_uri": self.redirect, "response_type": "code", "scope": self.scope, "state": self.state,
            "nonce": "n-1", "code_challenge": challenge, "code_challenge_method": "S256",
        } | more
        return self.metadata["authorization_endpoint"] + "?" + urllib.parse.urlencode(
            {name: value for name, value in asked.items() if value is not None})


def test_a_mail_program_registers_itself_and_reads_mail(platform):
    person = platform.add_account("ann@registers.test")
    for document in ("openid-configuration", "oauth-authorization-server"):
        metadata = platform.http("GET", "/.well-known/" + document)[2]
        assert metadata["registration_endpoint"] == platform.issuer + "/oauth2/register"
    client = register(platform)
    assert client["client_id_issued_at"] > 1_600_000_000 and "client_secret" not in client
    assert {name: client[name] for name in THUNDERBIRD if name in client} == {
        name: value for name, value in THUNDERBIRD.items() if name in client}
    assert client["application_type"] == "native" and "software_id" not in client and "client_uri" not in client
    # Whoever says the same is the same program; what says another thing is another.
    assert register(platform, redirect_uris=["http://localhost:7", "http://127.0.0.1:2/"])["client_id"] == client["client_id"]
    assert register(platform, client_name="Other")["client_id"] != client["client_id"]
    # Nothing is stored before somebody lets it in.
    assert client["client_id"] not in platform.cli("oauth-client", "list").stdout

    # RFC 8252 §7.3: another port than it registered.
    program, browser = Program(platform, client, "http://127.0.0.1:49152/"), Browser(platform.issuer)
    _, page = browser.open(program.url(login_hint=person))
    _, page = browser.sign_in(page, person)
    assert "calls itself &quot;Thunderbird&quot;" in page and "registered itself" in page and "nobody has checked it" in page
    assert "form-action 'self' http://127.0.0.1:49152;" in browser.headers["Content-Security-Policy"] + ";"
    status, _ = browser.send(page, "consent", decision="allow")
    assert status == 303 and browser.headers["Location"].startswith("http://127.0.0.1:49152/?code=")
    status, tokens = program.redeem(browser.answer["code"])
    assert status == 200 and tokens["refresh_token"] and program.claims(tokens["id_token"])["sub"]

    client_of_mail = platform.imap(None)
    client_of_mail.authenticate("OAUTHBEARER", lambda _: oauthbearer(person, tokens["access_token"]))
    assert client_of_mail.select("INBOX")[0] == "OK"
    client_of_mail.logout()
    assert smtp(platform, person, tokens["access_token"])[0] == 235
    assert platform.http("GET", "/api/users/me", token=tokens["access_token"])[0] == 401
    assert program.ask("introspection_endpoint", token=tokens["access_token"])[0] == 401
    status, fresh = program.ask("token_endpoint", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert status == 200 and imap(platform, person, fresh["access_token"]) is None
    # A person is asked each time.
    assert browser.open(program.url(prompt="none"))[0] == 303 and browser.answer["error"] == "consent_required"

    # The person sees it and takes it back; then nothing of it is left.
    own = platform.http("POST", "/api/auth/login", {"email": person, "password": PASSWORD})[2]["access_token"]
    allowed = platform.http("GET", "/api/users/me/applications", token=own)[2]["applications"]
    assert [(one["client_id"], one["name"]) for one in allowed] == [(program.id, "Thunderbird")]
    assert program.id in platform.cli("oauth-client", "list").stdout
    assert platform.http("DELETE", "/api/users/me/applications/" + program.id, token=own)[0] == 204
    assert imap(platform, person, fresh["access_token"])["status"] == "401"
    assert program.id not in platform.cli("oauth-client", "list").stdout
    assert program.tokens(browser, person)["access_token"]
    # An operator removes it, but changes nothing of what it said of itself.
    admin = platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]
    place = "/api/oauth/clients/" + program.id
    change = {"name": "Bank", "redirect_uris": ["https://evil.example.test/"], "scopes": ["imap"]}
    assert platform.http("PUT", place, change, admin)[0] == 422
    assert platform.http("DELETE", place, token=admin)[0] == 204
    assert platform.http("GET", "/api/users/me/applications", token=own)[2]["applications"] == []


def test_a_known_scheme_tells_which_program_it_is(platform):
    person = platform.add_account("bob@registers.test")
    redirect = "eu.faircode.email:/"
    client = register(platform, redirect_uris=[redirect], client_name="Your bank")
    program, browser = Program(platform, client, redirect, scope="urn:ietf:params:oauth:scope:mail"), Browser(platform.issuer)
    _, page = browser.open(program.url())
    _, page = browser.sign_in(page, person)
    assert "FairEmail asks for access" in page and "registered itself" in page and "Your bank" not in page
    # As much of all mail as it registered.
    assert "Send mail as you" in page and "JMAP" not in page
    status, _ = browser.send(page, "consent", decision="allow")
    assert status == 303 and browser.headers["Location"].startswith(redirect + "?code=")
    status, tokens = program.redeem(browser.answer["code"])
    assert status == 200 and tokens["scope"] == "imap smtp" and imap(platform, person, tokens["access_token"]) is None


def test_nothing_leads_elsewhere(platform):
    client = register(platform)
    browser = Browser(platform.issuer)
    for redirect in (
        "https://evil.example.test/", "http://127.0.0.1.evil.test/", "http://127.0.0.1:1@evil.test/", "http://localhost:1/x",
        "http://127.0.0.1:1/?x", "com.fsck.k9:/oauth2redirect", "http://127.0.0.1:999999/",
    ):
        status, page = browser.open(Program(platform, client, redirect).url())
        assert status == 400 and "Location" not in browser.headers, redirect
    # A program proves by PKCE that it is the one that asked.
    program = Program(platform, client, "http://localhost:4711")
    assert browser.open(program.url(code_challenge=None, code_challenge_method=None))[0] == 303
    assert browser.answer["error"] == "invalid_request"
    # Of identifiers, only those that were given here are known.
    program.id = program.id[:-1] + ("A" if program.id[-1] != "A" else "B")
    status, page = browser.open(program.url())
    assert status == 400 and "not known" in page
    # The code of a device can be asked for from afar.
    program.id = client["client_id"]
    status, refused = program.ask("device_authorization_endpoint", scope="imap")
    assert status == 400 and refused["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    "body, error",
    [
        (THUNDERBIRD | {"redirect_uris": ["https://evil.example.test/"]}, "invalid_redirect_uri"),
        (THUNDERBIRD | {"redirect_uris": ["http://127.0.0.1.evil.test/"]}, "invalid_redirect_uri"),
        (THUNDERBIRD | {"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        (THUNDERBIRD | {"redirect_uris": ["com.example:/cb"]}, "invalid_redirect_uri"),
        (THUNDERBIRD | {"redirect_uris": []}, "invalid_redirect_uri"),
        (THUNDERBIRD | {"client_name": "0ONRUMAIL"}, "invalid_client_metadata"),
        (THUNDERBIRD | {"token_endpoint_auth_method": "client_secret_basic"}, "invalid_client_metadata"),
        (THUNDERBIRD | {"scope": "admin"}, "invalid_client_metadata"),
        (THUNDERBIRD | {"software_statement": "e30.e30.e30"}, "invalid_software_statement"),
        (b"[" * 100_000, "invalid_client_metadata"),
        (b"\xff" * 1_000_000, "invalid_client_metadata"),
        (b"x" * 4_000_000, "invalid_client_metadata"),
        (b"", "invalid_client_metadata"),
    ],
)
def test_what_is_no_mail_program_is_refused(platform, body, error):
    status, headers, refused = post(platform, body)
    assert (status, refused["error"]) == (400, error) and refused["error_description"]
    assert headers["Content-Type"] == "application/json"


def test_a_form_is_no_registration(platform):
    status, _, refused = post(platform, THUNDERBIRD, kind="application/x-www-form-urlencoded")
    assert status == 400 and refused["error"] == "invalid_client_metadata"


def test_an_address_registers_so_many(start_platform):
    platform = start_platform(OONRUMAIL_CLIENT_REGISTRATION_REQUESTS="3")
    answers = [post(platform, THUNDERBIRD) for _ in range(4)]
    assert [answer[0] for answer in answers] == [201, 201, 201, 429]
    assert 0 < int(answers[-1][1]["Retry-After"]) <= 3_600


def test_where_it_is_closed_nothing_tells_of_it(start_platform):
    platform = start_platform()
    person = platform.add_account("ann@closed.test")
    program, browser = Program(platform, register(platform), "http://localhost:4711"), Browser(platform.issuer)
    tokens = program.tokens(browser, person)
    unused = register(platform, client_name="Unused")
    platform.settings["OONRUMAIL_CLIENT_REGISTRATION"] = "closed"
    platform.restart()
    # Whoever let it in before goes on; nobody is asked any more, not even by those that are known.
    status, fresh = program.ask("token_endpoint", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert status == 200 and imap(platform, person, fresh["access_token"]) is None
    for one in (program, Program(platform, unused, "http://localhost:4711")):
        status, page = browser.open(one.url())
        assert status == 400 and "not known" in page
    assert post(platform, THUNDERBIRD)[0] == 404
    for document in ("openid-configuration", "oauth-authorization-server"):
        assert "registration_endpoint" not in platform.http("GET", "/.well-known/" + document)[2]
    assert "/oauth2/register" not in platform.http("GET", "/openapi.json")[2]["paths"]
    _, _, body = ask(platform, "/mail/config-v1.1.xml?emailaddress=" + urllib.parse.quote(person), "autoconfig.closed.test")
    assert b"OAuth2" not in body and b"oAuth2" not in body and b"password-cleartext" in body


def test_autoconfig_names_the_provider(platform):
    person = platform.add_account("cid@registers.test")
    status, _, body = ask(platform, "/mail/config-v1.1.xml?emailaddress=" + urllib.parse.quote(person), "autoconfig.registers.test")
    found = tree.fromstring(body)
    servers = [*found.iter("incomingServer"), *found.iter("outgoingServer")]
    assert status == 200 and servers
    for server in servers:
        assert [one.text for one in server.findall("authentication")] == ["OAuth2", "password-cleartext"]
    # What a program finds there is what the provider says of itself.
    metadata = platform.http("GET", "/.well-known/oauth-authorization-server")[2]
    place = found.find("oAuth2")
    assert place.find("authURL").text == metadata["authorization_endpoint"]
    assert place.find("tokenURL").text == metadata["token_endpoint"]
    assert place.find("issuer").text == urllib.parse.urlsplit(metadata["issuer"]).netloc
    assert set(place.find("scope").text.split()) <= set(metadata["scopes_supported"])
    assert register(platform, scope=place.find("scope").text)["scope"] == place.find("scope").text


@pytest.mark.one_machine("starts with settings that it must refuse")
def test_an_operator_adds_programs_and_takes_them_away(start_platform):
    added, k9 = "org.example.mail:/oauth2redirect", "com.fsck.k9:/oauth2redirect"
    plain = start_platform()
    for address, status in ((added, 400), (k9, 201), ("http://127.0.0.1/", 201)):
        assert post(plain, THUNDERBIRD | {"redirect_uris": [address]})[0] == status, address
    known = register(plain, redirect_uris=[k9])["client_id"]
    changes = f"Example Mail={added},-K-9 Mail,-loopback"
    plain.stop()
    plain.settings["OONRUMAIL_MAIL_CLIENTS"] = changes
    plain.start()
    for address, status in ((added, 201), (k9, 400), ("http://127.0.0.1/", 400), ("org.example.mail:/other", 400)):
        assert post(plain, THUNDERBIRD | {"redirect_uris": [address]})[0] == status, address
    person = plain.add_account("ann@changed.test")
    client = register(plain, redirect_uris=[added], client_name="Somebody")
    program = Program(plain, client, added)
    _, page = Browser(plain.issuer).open(program.url())
    assert "sign-in" in page
    browser = Browser(plain.issuer)
    browser.sign_in(browser.open(program.url())[1], person)
    assert "Let Example Mail in?" in browser.open(program.url())[1]
    # Who was registered before is known no more.
    status, page = Browser(plain.issuer).open(Program(plain, {"client_id": known}, k9).url())
    assert status == 400 and "not known" in page
    plain.stop()
    plain.settings["OONRUMAIL_MAIL_CLIENTS"] = "-No such program"
    with pytest.raises(AssertionError, match="no \"No such program\" to take away"):
        plain.start()
    for wrong in ("Web=https://app.example.test/cb", "Script=javascript:/x", "Any=x:/y", "=org.example:/x", "A=org.example:"):
        plain.settings["OONRUMAIL_MAIL_CLIENTS"] = wrong
        with pytest.raises(AssertionError, match="OONRUMAIL_MAIL_CLIENTS"):
            plain.start()
