"""A new operator's first hours: sign up, prove a domain, rotate its keys, invite a person, receive a message.

Only documented routes and commands; the mails, the DNS, the passkey and the mail programs are real.
"""
import contextlib
import email
import email.policy
import re

import pytest
from platform_process import ADMIN, PASSWORD, wait_until
from soft_authenticator import SoftAuthenticator

HOST = "mail.example.test"
OWNER = "owner@outside.test"


class Outside:
    """Where mail to addresses elsewhere arrives."""

    def __init__(self, folder):
        self.folder = folder

    def mails(self, recipient):
        """Those that have arrived, the oldest first; the sink writes several into one file."""
        found, files = [], []
        for path in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # It has another name while it is written.
                files.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(files):
            try:
                contents = path.read_bytes().split(b"X-Client-Addr: ")[1:]
            except FileNotFoundError:
                continue
            for content in contents:
                if f"X-Rcpt-Args: <{recipient}>".encode() in content:
                    found.append(email.message_from_bytes(b"X-Client-Addr: " + content, policy=email.policy.default))
        return found

    def token(self, recipient, count=1):
        def last():
            known = self.mails(recipient)
            return re.search(r"^([\w-]{43})\s*$", known[-1].get_content(), re.M) if len(known) >= count else None

        return wait_until(last)[1]


def login(platform, user, password=PASSWORD):
    status, _, tokens = platform.http("POST", "/api/auth/login", {"email": user, "password": password})
    return tokens["access_token"] if status == 200 else None


def sign_up(platform, address=OWNER, **change):
    body = {"organisation": "Shop Ltd", "email": address, "password": PASSWORD} | change
    return platform.http("POST", "/api/auth/sign-up", body)


@pytest.mark.one_machine("settings of its own")
def test_from_signing_up_to_the_first_message(start_platform, dns, sink):
    port, folder = sink()
    outside = Outside(folder)
    platform = start_platform(
        OONRUMAIL_SIGN_UP="open", OONRUMAIL_TRANSPORT_MAP=f"outside.test=127.0.0.1:{port}",
        OONRUMAIL_RESOLVER=dns.address, OONRUMAIL_RESOLVER_TIMEOUT="3s",
    )

    def ask(method, path, body=None, token=None, expected=200):
        status, _, answer = platform.http(method, path, body, token)
        assert status == expected, (method, path, answer)
        return answer

    # An organisation signs up; nothing is there before its address is proved.
    assert sign_up(platform)[0] == 202
    assert login(platform, OWNER) is None
    proof = outside.token(OWNER)
    assert outside.mails(OWNER)[0]["From"].endswith(f"<postmaster@{HOST}>")
    made = ask("POST", "/api/auth/sign-up/verify", {"token": proof}, expected=201)
    assert made["email"] == OWNER
    ask("POST", "/api/auth/sign-up/verify", {"token": proof}, expected=422)
    owner = login(platform, OWNER)
    assert ask("GET", "/api/users/me", token=owner)["role"] == "owner"
    # An address that is known is answered the same, and told by mail.
    known, unknown = sign_up(platform), sign_up(platform, "other@outside.test")
    assert (known[0], known[2]) == (unknown[0], unknown[2]) == (202, {"status": "accepted"})
    wait_until(lambda: "signed up already" in [str(one["Subject"]) for one in outside.mails(OWNER)][-1])

    # It proves its domain.
    challenge = ask("POST", "/api/domains", {"name": "shop.test"}, owner, 201)["challenge"]
    ask("POST", "/api/domains/shop.test/verify", token=owner, expected=422)
    dns.publish(challenge["name"], "TXT", challenge["txt"])
    domain = ask("POST", "/api/domains/shop.test/verify", token=owner)
    assert domain["status"] == "verified"

    # The owner gets the first mailbox, and is called by it.
    addresses = f"/api/accounts/{made['id']}/addresses"
    ask("POST", addresses, {"email": "owner@shop.test"}, owner, 201)
    ask("POST", f"{addresses}/owner@shop.test/make-primary", token=owner)
    assert ask("GET", "/api/users/me", token=owner)["email"] == "owner@shop.test" and login(platform, OWNER)

    # The signing keys change.
    first = {key["selector"] for key in platform.json("dkim", "list", "shop.test")}
    second = {key["selector"] for key in ask("POST", "/api/domains/shop.test/dkim", {}, owner, 201)["keys"]} - first
    for record in platform.json("domain", "show", "shop.test")["records"]:
        if "_domainkey" in record["name"]:
            dns.publish(record["name"], "TXT", record["value"])
    platform.cli("dkim", "activate", "shop.test")
    states = {key["selector"]: key["state"] for key in platform.json("dkim", "list", "shop.test")}
    assert {states[one] for one in first} == {"retired"} and {states[one] for one in second} == {"signing"}

    # A person is invited, signs in with a passkey and makes an app password.
    organisation = made["organisation_id"]
    ask(
        "POST", f"/api/organisations/{organisation}/invitations",
        {"email": "ann@shop.test", "contact": "ann@outside.test"}, owner, 201,
    )
    ask("POST", "/api/auth/invitations/accept", {"token": outside.token("ann@outside.test"), "password": PASSWORD}, expected=201)
    ann, device = login(platform, "ann@shop.test"), SoftAuthenticator(f"https://{HOST}", HOST)
    asked = ask("POST", "/api/users/me/passkeys/options", {"password": PASSWORD}, ann)["public_key"]
    ask("POST", "/api/users/me/passkeys", {"name": "Phone", "credential": device.create(asked)}, ann, 201)
    asked = ask("POST", "/api/auth/passkey/options", {})["public_key"]
    ann = ask("POST", "/api/auth/passkey/verify", {"credential": device.get(asked)})["access_token"]
    secret = ask("POST", "/api/users/me/app-passwords", {"name": "Laptop", "scopes": ["imap", "smtp"]}, ann, 201)["password"]

    # A message arrives by SMTP, is read by IMAP and answered by submission, signed with the new keys.
    with platform.smtp() as smtp:
        smtp.sendmail("friend@outside.test", ["ann@shop.test"], "From: friend@outside.test\r\nTo: ann@shop.test\r\nSubject: welcome\r\n\r\nhello\r\n")
    wait_until(lambda: any(b"Subject: welcome" in one for one in platform.messages("ann@shop.test", password=secret)))
    with platform.submission("ann@shop.test", secret) as smtp:
        smtp.sendmail("ann@shop.test", ["friend@outside.test"], "From: ann@shop.test\r\nTo: friend@outside.test\r\nSubject: thanks\r\n\r\nhello\r\n")
    answer = wait_until(lambda: next(iter(outside.mails("friend@outside.test")), None))
    signed = " ".join(answer.get_all("DKIM-Signature"))
    assert all(f"s={one}" in signed.replace(" ", "") for one in second)


@pytest.mark.one_machine("settings of its own")
def test_an_operator_decides_on_sign_ups(start_platform, sink):
    port, folder = sink()
    outside = Outside(folder)
    platform = start_platform(
        OONRUMAIL_SIGN_UP="approval", OONRUMAIL_SIGN_UP_REQUESTS="8", OONRUMAIL_WAITING_MAILS="1",
        OONRUMAIL_TRANSPORT_MAP=f"outside.test=127.0.0.1:{port}",
    )
    operator = login(platform, ADMIN)
    for body, pointer in [
        ({"organisation": "a\r\nb"}, "organisation"), ({"address": "no address"}, "email"), ({"password": "short"}, "password"),
    ]:
        address = body.pop("address", "ann@outside.test")
        status, _, problem = sign_up(platform, address, **body)
        assert (status, problem["errors"][0]["pointer"]) == (422, f"#/{pointer}")
    # Addresses of hosted domains sign nobody up: their people are told.
    assert sign_up(platform, ADMIN)[0] == 202
    wait_until(lambda: any(b"signed up already" in one for one in platform.messages(ADMIN)))
    for name in ("ann", "bob"):
        assert sign_up(platform, f"{name}@outside.test", organisation=f"{name} <b>\"\u0301 Ltd")[0] == 202
        status, _, answer = platform.http("POST", "/api/auth/sign-up/verify", {"token": outside.token(f"{name}@outside.test")})
        assert (status, answer) == (202, {"status": "waiting"})
        assert login(platform, f"{name}@outside.test") is None
    # Who decides is told, as often as the setting allows.
    told = [one for one in platform.messages(ADMIN) if b"A sign-up waits" in one]
    assert len(told) == 1
    assert "ann@outside.test wants to have the organisation" in email.message_from_bytes(told[0], policy=email.policy.default).get_content()
    waiting = platform.http("GET", "/api/sign-ups", token=operator)[2]["sign_ups"]
    assert [one["email"] for one in waiting] == ["ann@outside.test", "bob@outside.test"]
    member = login(platform, platform.add_account("member@decide.test"))
    assert platform.http("GET", "/api/sign-ups", token=member)[0] == 403
    assert platform.http("POST", f"/api/sign-ups/{waiting[0]['id']}/approve", token=member)[0] == 403
    status, _, made = platform.http("POST", f"/api/sign-ups/{waiting[0]['id']}/approve", token=operator)
    assert status == 200 and login(platform, "ann@outside.test")
    assert platform.http("GET", f"/api/organisations/{made['organisation_id']}", token=operator)[2]["name"] == "ann <b>\"\u0301 Ltd"
    assert platform.http("POST", f"/api/sign-ups/{waiting[0]['id']}/approve", token=operator)[0] == 404
    assert platform.json("sign-up", "list")[0]["email"] == "bob@outside.test"
    path = f"/api/sign-ups/{waiting[1]['id']}/refuse"
    assert platform.http("POST", path, {"reason": "no\r\nBcc: x"}, operator)[0] == 422
    assert platform.http("POST", path, {"reason": "not a shop"}, operator)[0] == 204
    wait_until(lambda: "not a shop" in outside.mails("bob@outside.test")[-1].get_content())
    assert platform.json("sign-up", "list") == [] and login(platform, "bob@outside.test") is None
    # One client signs up so many in an hour.
    statuses = [sign_up(platform, f"many{number}@outside.test")[0] for number in range(6)]
    assert statuses.count(429) >= 1 and statuses[-1] == 429


def test_nobody_signs_up_where_it_is_closed(platform):
    assert sign_up(platform)[0] == 403
    assert platform.http("POST", "/api/auth/sign-up/verify", {"token": "x" * 43})[0] == 403
