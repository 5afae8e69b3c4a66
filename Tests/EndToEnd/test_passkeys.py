"""Passkeys beside the password and instead of it: in software on both shapes, and in a real browser once."""
import http.server
import imaplib
import threading

import pytest
from platform_process import PASSWORD
from soft_authenticator import SoftAuthenticator, decoded

PATH = "/api/users/me/passkeys"
HOST = "mail.example.test"


def login(platform, user, password=PASSWORD):
    return platform.http("POST", "/api/auth/login", {"email": user, "password": password})


def options(platform, token, path="options", **confirmation):
    status, _, body = platform.http("POST", f"{PATH}/{path}", confirmation, token)
    assert status == 200, body
    return body["public_key"]


def sign_in_options(platform, **body):
    status, _, answer = platform.http("POST", "/api/auth/passkey/options", body)
    assert status == 200, answer
    return answer["public_key"]


def sign_in(platform, credential, **more):
    return platform.http("POST", "/api/auth/passkey/verify", {"credential": credential, **more})


class Person:
    def __init__(self, platform, name):
        self.address = platform.add_account(f"{name}@passkey.test")
        self.token = login(platform, self.address)[2]["access_token"]
        self.device = SoftAuthenticator(f"https://{HOST}", HOST)
        made = self.device.create(options(platform, self.token, password=PASSWORD))
        status, _, self.passkey = platform.http("POST", PATH, {"name": "Phone", "credential": made}, self.token)
        assert status == 201 and len(self.passkey["recovery_codes"]) == 10, self.passkey


def test_a_passkey_alone_signs_in_once_for_each_challenge(platform):
    person = Person(platform, "ann")
    asked = sign_in_options(platform)
    assert asked["allowCredentials"] == [] and asked["userVerification"] == "required" and asked["rpId"] == HOST
    answer = person.device.get(asked)
    status, _, tokens = sign_in(platform, answer)
    assert status == 200, tokens
    assert platform.http("GET", "/api/users/me", token=tokens["access_token"])[2]["email"] == person.address
    # Another process may get the replay.
    for _ in range(4):
        assert sign_in(platform, answer)[0] == 401
    named = person.device.get(sign_in_options(platform, email=person.address))
    del named["response"]["userHandle"]
    assert sign_in(platform, named)[0] == 401
    assert sign_in(platform, named, email=person.address)[0] == 200
    shown = platform.http("GET", PATH, token=person.token)[2]["passkeys"]
    assert [one["name"] for one in shown] == ["Phone"] and shown[0]["last_used_from"] == "127.0.0.1"
    assert platform.json("passkey", "list", person.address)[0]["id"] == shown[0]["id"]


@pytest.mark.parametrize("change", [
    {"origin": f"https://{HOST}.evil.test"}, {"host": "evil.test"}, {"flags": 0x01}, {"flags": 0x04},
])
def test_hostile_answers_are_refused_alike(platform, change):
    person = Person(platform, "eve" + "".join(change) + str(change.get("flags", "")))
    for name, value in change.items():
        setattr(person.device, name, value)
    status, _, body = sign_in(platform, person.device.get(sign_in_options(platform)))
    stranger = SoftAuthenticator(f"https://{HOST}", HOST)
    stranger.handle = "AAAAAAAA__8"
    unknown = sign_in(platform, stranger.get(sign_in_options(platform)))
    assert status == unknown[0] == 401 and body["detail"] == unknown[2]["detail"]


def test_it_is_a_second_factor_with_recovery_codes(platform):
    person = Person(platform, "bob")
    status, _, asked = login(platform, person.address)
    assert status == 202 and asked["factors"] == ["passkey", "recovery_code"] and "access_token" not in asked
    person.device.flags = 0x01
    answer = {"challenge": asked["challenge"], "passkey": person.device.get(asked["public_key"])}
    assert platform.http("POST", "/api/auth/second-factor", answer)[0] == 200
    assert platform.http("POST", "/api/auth/second-factor", answer)[0] == 401
    recovery = {"challenge": asked["challenge"], "code": person.passkey["recovery_codes"][0]}
    assert platform.http("POST", "/api/auth/second-factor", recovery)[0] == 200
    assert platform.http("POST", "/api/auth/second-factor", recovery)[0] == 401
    with pytest.raises(imaplib.IMAP4.error, match="app password"):
        platform.imap(person.address)
    secret = platform.http("POST", "/api/users/me/app-passwords", {"name": "Phone"}, person.token)[2]["password"]
    platform.imap(person.address, secret).logout()


def test_unknown_addresses_look_like_others(platform):
    person = Person(platform, "cy")
    real = sign_in_options(platform, email=person.address)["allowCredentials"]
    first, second = (sign_in_options(platform, email="nobody@passkey.test")["allowCredentials"] for _ in range(2))
    assert decoded(real[0]["id"]) == person.device.id
    assert first == second and len(first) == 1 and len(decoded(first[0]["id"])) == 32


def test_removing_wants_the_password_or_a_passkey(platform):
    person, path = Person(platform, "dee"), None
    path = f"{PATH}/{person.passkey['id']}"
    other = login(platform, platform.add_account("other@passkey.test"))[2]["access_token"]
    assert platform.http("PATCH", path, {"name": "Mine"}, other)[0] == 404
    assert platform.http("PATCH", path, {"name": "a\r\nb"}, person.token)[0] == 422
    assert platform.http("PATCH", path, {"name": "Büro"}, person.token)[0] == 204
    assert platform.http("POST", f"{path}/delete", {}, person.token)[0] == 422
    assert platform.http("POST", f"{path}/delete", {"password": "wrong horse"}, person.token)[0] == 422
    assert platform.http("POST", f"{path}/delete", {"password": PASSWORD}, other)[0] == 404
    person.device.flags = 0x01
    weak = person.device.get(options(platform, person.token, "confirm"))
    assert platform.http("POST", f"{path}/delete", {"passkey": weak}, person.token)[0] == 422
    person.device.flags = 0x05
    good = person.device.get(options(platform, person.token, "confirm"))
    assert platform.http("POST", f"{path}/delete", {"passkey": good}, person.token)[0] == 204
    assert login(platform, person.address)[0] == 200
    lost = Person(platform, "fay")
    platform.cli("passkey", "remove", lost.address, str(lost.passkey["id"]))
    assert login(platform, lost.address)[0] == 200
    assert platform.cli("passkey", "remove", lost.address, "99999", check=False).returncode == 3


def test_a_counter_that_goes_back_is_in_the_audit(platform):
    person = Person(platform, "gil")
    for count, status in [(5, 200), (5, 401), (4, 401), (6, 200)]:
        person.device.count = count
        assert sign_in(platform, person.device.get(sign_in_options(platform)))[0] == status
    admin = login(platform, "admin@example.test")[2]["access_token"]
    trail = platform.http("GET", f"/api/audit?subject={person.address}&action=passkey.clone_suspected", token=admin)[2]
    assert len(trail["events"]) == 2


PAGE = b"<!doctype html><title>passkeys</title>"
# The page asks the platform through the test, so that it needs no permission to ask another origin.
CREATE = """
const done = arguments[1];
navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(arguments[0])})
  .then(made => done(made.toJSON()), error => done({error: String(error)}));
"""
GET = CREATE.replace("create", "get").replace("parseCreationOptions", "parseRequestOptions")


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


@pytest.fixture
def browser(tmp_path):
    """Headless Chromium with an authenticator that verifies its user."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions

    chosen = webdriver.ChromeOptions()
    chosen.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     f"--user-data-dir={tmp_path}/browser"):
        chosen.add_argument(argument)
    driver = webdriver.Chrome(options=chosen, service=Service("/usr/bin/chromedriver"))
    device = VirtualAuthenticatorOptions()
    device.transport, device.protocol = "internal", "ctap2"
    device.has_resident_key = device.has_user_verification = device.is_user_verified = True
    driver.add_virtual_authenticator(device)
    driver.set_script_timeout(20)
    yield driver
    driver.quit()


@pytest.mark.one_machine("the browser does not see how many processes there are")
def test_a_browser_registers_and_signs_in(start_platform, browser):
    pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    origin = f"http://localhost:{pages.server_port}"
    try:
        platform = start_platform(OONRUMAIL_PASSKEY_RP_ID="localhost", OONRUMAIL_PASSKEY_ORIGINS=origin)
        address = platform.add_account("browser@passkey.test")
        token = login(platform, address)[2]["access_token"]
        browser.get(origin)
        made = browser.execute_async_script(CREATE, options(platform, token, password=PASSWORD))
        assert "error" not in made, made
        status, _, kept = platform.http("POST", PATH, {"name": "Browser", "credential": made}, token)
        assert status == 201 and kept["transports"] == ["internal"], kept
        # It has one already: WebAuthn Level 3 §5.1.3.
        again = browser.execute_async_script(CREATE, options(platform, token, password=PASSWORD))
        assert "InvalidStateError" in again["error"]
        # Without an address: the authenticator knows whose it is.
        given = browser.execute_async_script(GET, sign_in_options(platform))
        assert "error" not in given, given
        status, _, tokens = sign_in(platform, given)
        assert status == 200, tokens
        assert platform.http("GET", "/api/users/me", token=tokens["access_token"])[2]["email"] == address
        asked = login(platform, address)[2]
        given = browser.execute_async_script(GET, asked["public_key"])
        answer = {"challenge": asked["challenge"], "passkey": given}
        assert platform.http("POST", "/api/auth/second-factor", answer)[0] == 200
        # A page of another origin gets an answer that is good for nothing.
        browser.get(origin.replace("localhost", "other.localhost"))
        elsewhere = browser.execute_async_script(GET, sign_in_options(platform))
        assert "error" in elsewhere or sign_in(platform, elsewhere)[0] == 401
    finally:
        pages.shutdown()
