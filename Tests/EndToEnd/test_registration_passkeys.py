"""People who register with a passkey in place of a password: at once, by a manager's decision, and what an attacker tries."""
import concurrent.futures
import http.server
import threading

import pytest
from platform_process import PASSWORD
from test_new_operator import Outside
from test_passkeys import CREATE, GET, HOST, Page, browser, sign_in, sign_in_options  # noqa: F401
from test_recovery import login, token_in
from test_registrations import PATH, House
from test_without_password import device, enter, me

VERIFY = f"{PATH}/verify"


def begun(house, email):
    """A token that was mailed."""
    contact = house.contact()
    assert house.register(email, contact)[0] == 202
    return token_in(house.platform, contact)


def asked(platform, token):
    status, _, body = platform.http("POST", f"{VERIFY}/options", {"token": token})
    assert status == 200, body
    return body["public_key"]


def verify(platform, token, authenticator, options, name="Phone"):
    return platform.http("POST", VERIFY, {"token": token, "name": name, "credential": authenticator.create(options)})


def test_where_it_is_open_the_account_has_no_password(platform):
    house = House(platform, "key-open.test", "open")
    token, phone = begun(house, "Neo@key-open.test"), device()
    options = asked(platform, token)
    assert options["authenticatorSelection"]["userVerification"] == "required" and options["rp"]["id"] == HOST
    assert options["user"]["name"] == "neo@key-open.test"
    # The same number whenever it is asked, and nobody is there yet.
    assert asked(platform, token)["user"]["id"] == options["user"]["id"]
    assert not any(one["email"].startswith("neo@") for one in platform.json("account", "list", "--domain", house.domain))
    status, headers, made = verify(platform, token, phone, options)
    assert status == 201 and len(made["recovery_codes"]) == 10 and headers["Cache-Control"] == "no-store", made
    for _ in range(3):
        assert verify(platform, token, phone, options)[0] == 422
    known = me(platform, enter(platform, phone))
    assert known["id"] == made["id"] and known["has_password"] is False and known["role"] == "member"
    assert login(platform, "neo@key-open.test") is None
    for log in platform.logs:
        assert made["recovery_codes"][0] not in log.read_text()


def test_where_a_manager_decides_the_passkey_waits(platform):
    house = House(platform, "key-ask.test", "approval")
    token, phone = begun(house, "ann@key-ask.test"), device()
    status, _, answer = verify(platform, token, phone, asked(platform, token))
    assert status == 202 and answer["status"] == "waiting" and len(answer["recovery_codes"]) == 10
    assert sign_in(platform, phone.get(sign_in_options(platform)))[0] == 401
    assert platform.http("POST", f"{VERIFY}/options", {"token": token})[0] == 422
    other, key = begun(house, "bob@key-ask.test"), device()
    assert verify(platform, other, key, asked(platform, other))[0] == 202
    rows = {one["email"]: one["id"] for one in house.ask("owner", "GET", PATH)[1]["registrations"]}
    status, made = house.ask("admin", "POST", f"{PATH}/{rows['ann@key-ask.test']}/approve")
    assert status == 200 and "recovery_codes" not in made, made
    known = me(platform, enter(platform, phone))
    assert known["id"] == made["id"] and known["has_password"] is False
    token = enter(platform, phone)
    listed = platform.http("GET", "/api/users/me/passkeys", token=token)[2]["passkeys"]
    assert [(one["name"], one["verifies_user"]) for one in listed] == [("Phone", True)]
    assert house.ask("owner", "POST", f"{PATH}/{rows['bob@key-ask.test']}/refuse", {"reason": "no"})[0] == 204
    assert sign_in(platform, key.get(sign_in_options(platform)))[0] == 401


def test_hostile_proofs_make_nobody(platform):
    house = House(platform, "key-mal.test", "open")
    token, other = begun(house, "mal@key-mal.test"), begun(house, "mel@key-mal.test")
    options, foreign = asked(platform, token), asked(platform, other)

    def tries(given, change=None, **members):
        made = device()
        for name, value in (change or {}).items():
            setattr(made, name, value)
        body = {"token": token, "name": "Key", "credential": made.create(given), **members}
        return platform.http("POST", VERIFY, {name: value for name, value in body.items() if value is not None})[0]

    # Not verified, another origin, another's challenge, one of another purpose, and half an answer.
    assert tries(options, {"flags": 0x01}) == tries(options, {"origin": "https://evil.test"}) == 422
    assert tries(options, {"host": "evil.test"}) == tries(foreign) == 422
    assert tries(sign_in_options(platform) | {"user": options["user"]}) == 422
    assert tries(options, name=None) == tries(options, name="a\r\nb") == tries(options, password=PASSWORD) == 422
    assert tries(options, token="x" * 43) == tries(options, credential=None) == 422
    for bad in ("x" * 43, "", "ä"):
        assert platform.http("POST", f"{VERIFY}/options", {"token": bad})[0] == 422
    # A domain that was closed meanwhile gives nothing out.
    assert house.let("closed")[0] == 200
    assert platform.http("POST", f"{VERIFY}/options", {"token": token})[0] == tries(options) == 403
    assert house.let("open")[0] == 200
    # All that spent nothing; a password is as good as it was.
    assert tries(options) == 201
    assert platform.http("POST", VERIFY, {"token": other, "password": PASSWORD})[0] == 201
    assert login(platform, "mel@key-mal.test")


def test_one_token_makes_one_of_many(platform):
    house = House(platform, "key-many.test", "open")
    token = begun(house, "many@key-many.test")
    devices = [device() for _ in range(4)]
    bodies = [{"token": token, "name": "Key", "credential": one.create(asked(platform, token))} for one in devices]
    bodies.append({"token": token, "password": PASSWORD})
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        statuses = list(pool.map(lambda body: platform.http("POST", VERIFY, body)[0], bodies))
    assert sorted(statuses) == [201, 422, 422, 422, 422]


@pytest.mark.one_machine("the browser does not see how many processes there are")
def test_a_browser_registers_somebody(start_platform, browser):  # noqa: F811
    pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    origin = f"http://localhost:{pages.server_port}"
    try:
        platform = start_platform(OONRUMAIL_PASSKEY_RP_ID="localhost", OONRUMAIL_PASSKEY_ORIGINS=origin)
        house = House(platform, "key-browser.test", "open")
        token = begun(house, "wendy@key-browser.test")
        browser.get(origin)
        made = browser.execute_async_script(CREATE, asked(platform, token))
        assert "error" not in made, made
        status, _, body = platform.http("POST", VERIFY, {"token": token, "name": "Browser", "credential": made})
        assert status == 201, body
        given = browser.execute_async_script(GET, sign_in_options(platform))
        assert "error" not in given, given
        status, _, tokens = sign_in(platform, given)
        assert status == 200 and me(platform, tokens["access_token"])["email"] == "wendy@key-browser.test"
    finally:
        pages.shutdown()


@pytest.mark.parametrize("mode", ["open", "approval"])
def test_an_organisation_signs_itself_up_by_a_passkey(start_platform, sink, mode):
    port, folder = sink()
    outside, path = Outside(folder), "/api/auth/sign-up"
    platform = start_platform(OONRUMAIL_SIGN_UP=mode, OONRUMAIL_TRANSPORT_MAP=f"outside.test=127.0.0.1:{port}")
    for name in ("ann", "bob", "cyd"):
        body = {"organisation": f"{name} Ltd", "email": f"{name}@outside.test"} | ({"password": PASSWORD} if name == "cyd" else {})
        assert platform.http("POST", path, body)[0] == 202
    ann, bob, cyd = (outside.token(f"{name}@outside.test") for name in ("ann", "bob", "cyd"))

    def options(token):
        status, _, answer = platform.http("POST", f"{path}/verify/options", {"token": token})
        return answer["public_key"] if status == 200 else status

    def choose(token, **chosen):
        return platform.http("POST", f"{path}/verify", {"token": token, **chosen})

    # Nothing is spent without a choice, by a wrong one, and by one that is for somebody else.
    phone, given = device(), options(ann)
    assert given["user"]["name"] == "ann@outside.test" and options(ann)["user"]["id"] == given["user"]["id"]
    status, _, problem = choose(ann)
    assert status == 422 and problem["errors"][0]["pointer"] == "#/password"
    assert choose(ann, password="short")[0] == choose(ann, name="Phone")[0] == options("x" * 43) == 422
    assert choose(bob, name="Phone", credential=device().create(given))[0] == 422
    made = {"name": "Phone", "credential": phone.create(given)}
    expected = 201 if mode == "open" else 202
    status, _, answer = choose(ann, **made)
    assert status == expected and len(answer["recovery_codes"]) == 10, answer
    assert choose(ann, **made)[0] == 422
    # A password in place of none; a passkey in place of a password.
    assert choose(bob, password=PASSWORD)[0] == expected
    key = device()
    assert choose(cyd, name="Key", credential=key.create(options(cyd)))[0] == expected
    if mode == "approval":
        assert sign_in(platform, phone.get(sign_in_options(platform)))[0] == 401
        for row in platform.json("sign-up", "list"):
            platform.cli("sign-up", "approve", str(row["id"]))
    known = me(platform, enter(platform, phone))
    assert known["email"] == "ann@outside.test" and known["has_password"] is False and known["role"] == "owner"
    assert me(platform, enter(platform, key))["has_password"] is False
    assert login(platform, "bob@outside.test") and login(platform, "cyd@outside.test") is None
