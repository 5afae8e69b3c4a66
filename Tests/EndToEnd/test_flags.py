"""Feature flags: set by operators, in force in every process without a restart."""
import pytest
from platform_process import ADMIN, PASSWORD, wait_until
from soft_authenticator import SoftAuthenticator
from test_passkeys import HOST, PATH, options, sign_in, sign_in_options

NAME = "passkey-sign-in"


@pytest.fixture
def token(platform):
    return platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]


def test_a_flag_gates_signing_in_by_a_passkey_alone(platform, token):
    platform.cli("domain", "add", "flag.test", "--organisation", "flag.test company")
    address = platform.add_account("ann@flag.test")
    own = platform.http("POST", "/api/auth/login", {"email": address, "password": PASSWORD})[2]["access_token"]
    organisation = platform.http("GET", "/api/users/me", token=own)[2]["organisation_id"]
    device = SoftAuthenticator(f"https://{HOST}", HOST)
    made = device.create(options(platform, own, password=PASSWORD))
    assert platform.http("POST", PATH, {"name": "Phone", "credential": made}, own)[0] == 201

    def answers(count=4):
        """Of several tries, so that every process has one."""
        return {sign_in(platform, device.get(sign_in_options(platform)))[0] for _ in range(count)}

    assert answers() == {200}
    rule = {"percentage": 0, "organisation_id": organisation}
    assert platform.http("PUT", f"/api/flags/{NAME}", rule, token)[0] == 204
    wait_until(lambda: answers() == {401})
    # Each process reads the rules for itself, some seconds apart.
    wait_until(lambda: {platform.http("GET", "/api/users/me/flags", token=own)[2]["flags"][NAME] for _ in range(4)} == {False})
    assert platform.http("GET", "/api/users/me/flags", token=token)[2]["flags"][NAME] is True
    [flag] = [one for one in platform.http("GET", "/api/flags", token=token)[2]["flags"] if one["name"] == NAME]
    assert flag["default"] is True and flag["rules"][0]["percentage"] == 0
    platform.cli("flag", "set", NAME, "100", "--organisation", str(organisation))
    wait_until(lambda: answers() == {200})
    place = f"/api/flags/{NAME}?organisation_id={organisation}"
    assert platform.http("DELETE", place, token=token)[0] == 204
    assert platform.http("DELETE", place, token=token)[0] == 404
    trail = platform.http("GET", f"/api/audit?subject=flag:{NAME}", token=token)[2]["events"]
    assert [one["action"] for one in trail[:3]] == ["flag.clear", "flag.set", "flag.set"]
    assert '"before":{"percentage":0' in trail[1]["detail"]


def test_what_is_wrong_is_refused(platform, token):
    address = platform.add_account("bob@flag.test")
    own = platform.http("POST", "/api/auth/login", {"email": address, "password": PASSWORD})[2]["access_token"]
    assert platform.http("GET", "/api/flags", token=own)[0] == 403
    assert platform.http("PUT", f"/api/flags/{NAME}", {"percentage": 1}, own)[0] == 403
    assert platform.http("PUT", "/api/flags/unknown", {"percentage": 1}, token)[0] == 404
    assert platform.http("PUT", f"/api/flags/{NAME}", {"percentage": 101}, token)[0] == 422
    assert platform.http("PUT", f"/api/flags/{NAME}", {"percentage": 1, "by": "weight"}, token)[0] == 422
    assert platform.http("PUT", f"/api/flags/{NAME}", {"percentage": 1, "organisation_id": 999999}, token)[0] == 404
    assert platform.cli("flag", "set", "unknown", "1", check=False).returncode != 0
    assert platform.json("flag", "list")[0]["name"] == NAME
