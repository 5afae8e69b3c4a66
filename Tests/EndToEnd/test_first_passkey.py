"""People who sign in by their domain's provider alone add a first passkey: a new sign-in there stands for the password."""
import base64
import hashlib
import json
import secrets
import time
import urllib.parse

from platform_process import ADMIN, PASSWORD
from platform_process import Platform as OneMachine
from soft_authenticator import SoftAuthenticator
from test_openid import Browser
from test_passkeys import HOST, PATH, sign_in, sign_in_options
from test_single_sign_on import START, House, ask, hostile  # noqa: F401

CALLBACK = f"https://{HOST}/api/auth/sso/callback"


class Fresh(House):
    """A house whose people are asked anew."""

    wish = "&prompt=login&max_age=0"

    def begin(self):
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        status, headers = ask(f"{self.base}{START}?domain={self.domain}&challenge={challenge}{self.wish}")
        assert status == 302
        return headers["Location"], headers["Set-Cookie"].split(";")[0], verifier

    def confirmation(self, click=None):
        """What a page hands on after its person has signed in at the provider."""
        address, cookie, verifier = self.begin()
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        assert (asked["prompt"], asked["max_age"]) == ("login", "0")
        status, headers = (click or ask)(address)
        assert status in (302, 303), status
        page = self.back(headers["Location"], cookie)
        return {"provider": {"code": page["code"], "verifier": verifier}}


def begin(platform, token, body):
    status, _, answer = platform.http("POST", f"{PATH}/options", body, token)
    return status, answer


def add(platform, token, asked):
    device = SoftAuthenticator(f"https://{HOST}", HOST)
    made = device.create(asked["public_key"])
    status, _, body = platform.http("POST", PATH, {"name": "Phone", "credential": made}, token)
    assert status == 201 and len(body["recovery_codes"]) == 10, body
    return device, body["id"]


def test_a_new_sign_in_by_the_provider_confirms_once(platform, hostile):  # noqa: F811
    house = Fresh(platform, "first-key.test")
    assert house.connect(hostile.issuer("right-first"), makes_accounts=True)[0] == 200

    def person(name, ago=None):
        hostile.claims = {"sub": f"first-{name}", "email": f"{name}@first-key.test", "email_verified": True, "name": name}
        if ago is not None:
            hostile.claims["auth_time"] = int(time.time()) - ago

    person("ann")
    token = house.sign_in()["access_token"]
    assert platform.http("GET", "/api/users/me", token=token)[2]["has_password"] is False
    for body in ({}, {"password": PASSWORD}, {"provider": None}, {"provider": {}}, {"provider": {"code": "x", "verifier": "y"}}):
        assert begin(platform, token, body)[0] == 422, body
    # The provider does not say when; it was long ago; it was somebody else.
    status, problem = begin(platform, token, house.confirmation())
    assert status == 422 and problem["errors"][0]["pointer"] == "#/provider"
    person("ann", ago=3_600)
    assert begin(platform, token, house.confirmation())[0] == 422
    person("eve", ago=0)
    assert begin(platform, token, house.confirmation())[0] == 422
    person("ann", ago=0)
    right = house.confirmation()
    assert begin(platform, token, right | {"password": PASSWORD})[0] == 422
    wrong = {"provider": right["provider"] | {"verifier": secrets.token_urlsafe(32)}}
    assert begin(platform, token, wrong)[0] == 422
    status, asked = begin(platform, token, right)
    assert status == 200, asked
    # Once, on whichever replica, and no tokens come of it.
    for _ in range(4):
        assert begin(platform, token, right)[0] == 422
    assert house.exchange(right["provider"]["code"], right["provider"]["verifier"])[0] == 401
    device, number = add(platform, token, asked)
    assert sign_in(platform, device.get(sign_in_options(platform)))[0] == 200
    # And what else wants the password takes it.
    assert platform.http("POST", "/api/users/me/second-factor", house.confirmation(), token)[0] == 201
    recovery = {"address": "private@elsewhere.test", **house.confirmation()}
    assert platform.http("PUT", "/api/users/me/recovery-address", recovery, token)[0] in (202, 422)
    assert platform.http("POST", f"{PATH}/{number}/delete", house.confirmation(), token)[0] == 204
    admin = platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]
    events = platform.http("GET", "/api/audit?subject=ann@first-key.test&action=sso.confirm", token=admin)[2]["events"]
    assert len(events) == 4 and {one["actor"] for one in events} == {"ann@first-key.test"}
    for log in platform.logs:
        assert right["provider"]["code"] not in log.read_text()


def test_how_long_ago_it_may_be_is_a_setting(start_platform, hostile):  # noqa: F811
    platform = start_platform(OONRUMAIL_SSO_LOOPBACK_HTTP="true", OONRUMAIL_SSO_CONFIRMATION="30m")
    house = Fresh(platform, "first-long.test")
    assert house.connect(hostile.issuer("right-long"), makes_accounts=True)[0] == 200
    claims = {"sub": "long-1", "email": "ann@first-long.test", "email_verified": True}
    hostile.claims = claims
    token = house.sign_in()["access_token"]
    for ago, status in ((1_700, 200), (2_000, 422)):
        hostile.claims = claims | {"auth_time": int(time.time()) - ago}
        assert begin(platform, token, house.confirmation())[0] == status, ago


def test_a_platform_of_its_own_is_the_provider(platform, tmp_path):
    """The provider is another process, with pages on which the person gives the password; it says when that was."""
    provider = OneMachine(tmp_path).start()
    try:
        person = provider.add_account("ann@first-real.test")
        client = json.loads(provider.cli(
            "oauth-client", "add", "Relying", "--redirect-uri", CALLBACK, "--scope", "openid,email,profile", "--json").stdout)
        house = Fresh(platform, "first-real.test")
        body = {
            "issuer": provider.issuer, "client_id": client["client_id"], "client_secret": client["client_secret"],
            "makes_accounts": True,
        }
        assert platform.http("PUT", house.path, body, house.admin)[0] == 200
        browser = Browser(provider.issuer)

        def click(address):
            """As a person does: gives the password when asked, and consents when asked."""
            status, page = browser.open(address)
            if 'value="sign-in"' in page:
                status, page = browser.sign_in(page, person)
            if 'value="consent"' in page:
                status, page = browser.send(page, "consent", decision="allow")
            assert status == 303, page
            return status, browser.headers

        address, cookie, verifier = house.begin()
        page = house.back(click(address)[1]["Location"], cookie)
        tokens = house.exchange(page["code"], verifier)[2]
        token = tokens["access_token"]
        assert platform.http("GET", "/api/users/me", token=token)[2]["email"] == person
        status, asked = begin(platform, token, house.confirmation(click))
        assert status == 200, asked
        device, _ = add(platform, token, asked)
        assert sign_in(platform, device.get(sign_in_options(platform)))[0] == 200
    finally:
        provider.stop()
