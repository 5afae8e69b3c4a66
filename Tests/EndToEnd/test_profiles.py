"""What programs show of a person, and several addresses of one account."""
import email.message
import smtplib
import urllib.error
import urllib.request

import pytest
from platform_process import PASSWORD, wait_until
from test_branding import png
from test_people import Company


@pytest.fixture(scope="module")
def company(platform):
    made = Company(platform, "profile.test")
    platform.cli("domain", "add", "profile-two.test", "--organisation", "profile.test")
    return made


def picture(platform, method, path, token, content=None, kind="image/png"):
    request = urllib.request.Request(f"http://127.0.0.1:{platform.ports['http']}{path}", method=method, data=content)
    request.add_header("Authorization", f"Bearer {token}")
    if content is not None:
        request.add_header("Content-Type", kind)
    try:
        answer = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        return answer.status, answer.headers, answer.read()


def test_a_person_changes_their_profile(platform, company):
    me = "/api/users/me"
    status, shown = company.ask("member", "PATCH", me, {"display_name": "Mia \"\u0301", "language": "PT-br", "time_zone": "Europe/Lisbon"})
    assert (status, shown["language"], shown["time_zone"], shown["display_name"]) == (200, "pt-BR", "Europe/Lisbon", "Mia \"\u0301")
    assert company.ask("member", "GET", me)[1] == shown
    for body, pointer in [
        ({"language": "de_AT"}, "language"), ({"language": "de\r\n"}, "language"), ({"time_zone": "Mars/Phobos"}, "time_zone"),
        ({"time_zone": "../../../etc/passwd"}, "time_zone"), ({"display_name": "a\r\nb"}, "display_name"), ({"role": "owner"}, "role"),
    ]:
        status, problem = company.ask("member", "PATCH", me, body)
        assert (status, problem["errors"][0]["pointer"]) == (422, f"#/{pointer}"), body
    path = f"/api/accounts/{company.ids['member']}"
    assert company.ask("admin", "PATCH", path, {"language": None})[1].get("language") is None
    assert company.ask("member", "GET", me)[1]["time_zone"] == "Europe/Lisbon"
    assert platform.json("account", "profile", "member@profile.test", "--language", "de")["language"] == "de"
    failed = platform.cli("account", "profile", "member@profile.test", "--time-zone", "Nowhere", check=False)
    assert failed.returncode != 0 and "IANA" in failed.stderr
    lines = company.ask("owner", "GET", "/api/audit?action=account.profile")[1]["events"]
    assert '"time_zone":{"before":null,"after":"Europe/Lisbon"}' in lines[0]["detail"] and lines[0]["actor"] == "member@profile.test"


def test_a_picture_is_seen_by_colleagues_alone(platform, company):
    token, own = company.tokens["member"], "/api/users/me/avatar"
    path = f"/api/accounts/{company.ids['member']}/avatar"
    assert picture(platform, "GET", own, token)[0] == 404
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    assert picture(platform, "PUT", own, token, svg, "image/png")[0] == 415
    assert picture(platform, "PUT", own, token, png(4_000, 2))[0] == 422
    assert picture(platform, "PUT", own, token, png() + b"\0" * (256 << 10))[0] == 413
    assert picture(platform, "PUT", own, token, png(), "text/html")[0] == 200
    status, headers, content = picture(platform, "GET", path, company.tokens["admin"])
    assert (status, headers["Content-Type"], content) == (200, "image/png", png())
    assert headers["X-Content-Type-Options"] == "nosniff" and "private" in headers["Cache-Control"]
    assert company.ask("admin", "GET", "/api/users/me")[1].get("avatar") is None
    assert company.ask("member", "GET", "/api/users/me")[1]["avatar"].startswith(path)
    stranger = Company(platform, "profile-stranger.test")
    for role in ("owner", "member"):
        assert picture(platform, "GET", path, stranger.tokens[role])[0] == 404
    assert picture(platform, "PUT", path, stranger.tokens["owner"], png())[0] == 404
    assert picture(platform, "DELETE", path, stranger.tokens["owner"])[0] == 404
    other = f"/api/accounts/{company.ids['owner']}/avatar"
    assert picture(platform, "PUT", other, token, png())[0] == 403
    assert picture(platform, "DELETE", path, company.tokens["admin"])[0] == 204
    assert picture(platform, "GET", own, token)[0] == 404


def test_an_account_has_several_addresses(platform, company):
    person = platform.add_account("many@profile.test")
    identity = platform.json("account", "show", person)["id"]
    path, second = f"/api/accounts/{identity}/addresses", "many@profile-two.test"
    assert company.ask("member", "POST", path, {"email": second})[0] == 403
    assert company.ask("owner", "POST", path, {"email": "many@elsewhere.test"})[0] == 422
    assert company.ask("owner", "POST", path, {"email": "member@profile.test"})[0] == 409
    assert company.ask("admin", "POST", path, {"email": second})[0] == 201
    known = {one["email"]: one["is_primary"] for one in company.ask("admin", "GET", path)[1]["addresses"]}
    assert known == {person: True, second: False}
    # It takes mail, signs in everywhere, and sends.
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@elsewhere.test", second, "to the second"
    message.set_content("x\n")
    with platform.smtp() as smtp:
        smtp.send_message(message)
    wait_until(lambda: len(platform.messages(second)) == 1)
    del message["From"]
    message["From"] = second
    with platform.submission(person) as smtp:
        smtp.send_message(message)
    token = company.login(second)
    own = platform.http("GET", "/api/users/me/addresses?sort=-email", token=token)[2]["addresses"]
    assert company.login(person) and [one["is_primary"] for one in own] == [True, False]
    # Another is the primary: sessions go on, the old one stays an address.
    status, primary = company.ask("owner", "POST", f"{path}/{second}/make-primary")
    assert (status, primary) == (200, {"email": second, "is_primary": True})
    assert company.ask("owner", "POST", f"{path}/{second}/make-primary")[0] == 409
    assert platform.http("GET", "/api/users/me", token=token)[2]["email"] == second
    assert company.login(person) and len(platform.messages(person)) == 2
    assert company.ask("owner", "DELETE", f"{path}/{second}")[0] == 409
    assert company.ask("owner", "DELETE", f"{path}/{person}")[0] == 204
    assert company.login(person) is None and company.login(second)
    with platform.smtp() as smtp:
        smtp.ehlo("client.test")
        smtp.mail("a@elsewhere.test")
        assert smtp.rcpt(person)[0] == 550
    message.replace_header("From", person)
    with platform.submission(second) as smtp, pytest.raises(smtplib.SMTPException):
        smtp.send_message(message)
    stranger = Company(platform, "profile-other.test")
    assert stranger.ask("owner", "GET", path)[0] == 404
    assert stranger.ask("owner", "POST", path, {"email": "x@profile-other.test"})[0] == 404
    assert stranger.ask("owner", "POST", f"{path}/{second}/make-primary")[0] == 404
    # The same at the command line.
    platform.cli("account", "address", "add", second, person)
    assert platform.json("account", "address", "primary", second, person)[0] == {"email": person, "is_primary": True}
    assert len(platform.json("account", "address", "remove", person, second)) == 1
