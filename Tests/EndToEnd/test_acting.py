"""Administrators who act as the people they manage: who may, what it opens, who is told, how it ends."""
import base64
import json
import re
import sqlite3
import urllib.request

import pytest
from platform_process import ADMIN, PASSWORD, wait_until
from test_openid import imap as imap_by_token, smtp as smtp_by_token
from test_people import Company
from test_recovery import mails

REFUSED = "/problems/not-while-acting"
REASON = "Your folder „Post“ is gone"
SESSIONS = "/api/users/me/sessions"
# What whoever acts as another may do, and nothing else.
OPEN = {
    "GET /api/search", "GET /api/users/me", "PATCH /api/users/me", "GET /api/users/me/addresses", "GET /api/users/me/avatar",
    "GET /api/users/me/domain-permissions", "GET /api/users/me/flags", "GET /api/users/me/quota", "GET /api/users/me/sending-grants", "GET /api/users/me/sessions",
    "GET /api/users/me/shared-mailboxes", "GET /api/users/me/masked-addresses", "POST /api/users/me/masked-addresses",
    "GET /api/users/me/masked-addresses/{address}", "PATCH /api/users/me/masked-addresses/{address}",
    "DELETE /api/users/me/masked-addresses/{address}",
    "GET /api/users/me/sieve-scripts", "POST /api/users/me/sieve/check", "POST /api/users/me/sieve/deactivate",
    "GET /api/users/me/sieve-scripts/{name}", "PUT /api/users/me/sieve-scripts/{name}", "DELETE /api/users/me/sieve-scripts/{name}",
    "POST /api/users/me/sieve-scripts/{name}/activate", "POST /api/users/me/sieve-scripts/{name}/run",
    "GET /api/users/me/identities", "GET /api/users/me/identities/{address}", "PUT /api/users/me/identities/{address}",
    "DELETE /api/users/me/identities/{address}", "GET /api/users/me/composing", "PUT /api/users/me/composing",
    "POST /api/users/me/composing/suggest",
    "GET /api/users/me/vacation", "PUT /api/users/me/vacation", "DELETE /api/users/me/vacation",
}


def login(platform, user, password=PASSWORD):
    status, _, tokens = platform.http("POST", "/api/auth/login", {"email": user, "password": password})
    assert status == 200, tokens
    return tokens["access_token"]


def operator(platform, name):
    address = f"{name}@acting.test"
    platform.add_account(address)
    platform.cli("account", "change", address, "--role", "platform-admin")
    return address


def identity(platform, user):
    return platform.json("account", "show", user)["id"]


def act(platform, user, token, reason=REASON):
    return platform.http("POST", f"/api/accounts/{identity(platform, user)}/act", {"reason": reason}, token)


def acting(platform, user, token):
    status, _, body = act(platform, user, token)
    assert status == 201, body
    return body


def is_good(platform, token):
    status, _, body = platform.http("GET", "/api/users/me", token=token)
    assert status in (200, 401), body
    return status == 200


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_person_is_told_who_acts_as_them_and_why(platform):
    boss, person = operator(platform, "boss"), platform.add_account("ann@acting.test")
    token = login(platform, boss)
    made = acting(platform, person, token)
    assert made["token_type"] == "Bearer" and 890 < made["expires_in"] <= 900 and "refresh_token" not in made
    said = claims(made["access_token"])
    assert said["sub"] == str(identity(platform, person)) and said["role"] == "member"
    assert said["act"] == {"sub": str(identity(platform, boss)), "email": boss}
    assert said["exp"] - said["iat"] == 900
    assert platform.http("GET", "/api/users/me", token=made["access_token"])[2]["email"] == person
    wait_until(lambda: mails(platform, person))
    mail = mails(platform, person)[0]
    text = mail.get_content()
    assert mail["Subject"] == f"An administrator acts as {person}" and boss in text and REASON in text
    assert mail["From"].endswith("<postmaster@acting.test>") and "d=acting.test" in mail["DKIM-Signature"]
    own = login(platform, person)
    shown = [one for one in platform.http("GET", SESSIONS, token=own)[2]["sessions"] if "acting" in one]
    assert len(shown) == 1 and shown[0]["id"] == made["session"] and not shown[0]["is_current"]
    assert shown[0]["acting"]["actor"] == boss and shown[0]["acting"]["reason"] == REASON
    assert shown[0]["acting"]["since"] == shown[0]["created_at"] < shown[0]["acting"]["until"]
    listed = [one for one in platform.json("session", "list", person) if one.get("actor")]
    assert [one["actor"] for one in listed] == [boss]
    # The administrator's own list does not have it.
    assert not any("acting" in one for one in platform.http("GET", SESSIONS, token=token)[2]["sessions"])
    # Every line meanwhile names both.
    assert platform.http("PATCH", "/api/users/me", {"display_name": "Ann"}, made["access_token"])[0] == 200
    status, _, masked = platform.http("POST", "/api/users/me/masked-addresses", {}, made["access_token"])
    assert status == 201, masked
    events = platform.http("GET", f"/api/audit?actor={boss}", token=token)[2]["events"][::-1]
    events = [one for one in events if not one["action"].startswith("sign_in") and one["action"] != "account.act_request"]
    assert [one["action"] for one in events][:2] == ["account.act", "account.profile"] and len(events) == 3, events
    assert events[0]["subject"] == person and json.loads(events[0]["detail"]) == {
        "reason": REASON, "session": made["session"], "seconds": 900}
    assert [json.loads(one["detail"]).get("as") for one in events] == [None, person, person]
    # By themselves they are named alone again.
    assert platform.http("PATCH", "/api/users/me", {"display_name": "Anna"}, own)[0] == 200
    line = platform.http("GET", f"/api/audit?actor={person}&action=account.profile", token=token)[2]["events"][0]
    assert "as" not in json.loads(line["detail"])
    platform.cli("verify", "audit")


def test_each_request_is_in_the_trail_and_counted(platform):
    boss, person = operator(platform, "reader"), platform.add_account("read@acting.test")
    token, own = login(platform, boss), login(platform, person)
    made = acting(platform, person, token)
    masked = platform.http("POST", "/api/users/me/masked-addresses", {}, own)[2]["address"]
    path = f"/api/users/me/masked-addresses/{masked}"
    for method, place, status in (
        ("GET", f"{path}?q=secret+horse", 200), ("GET", "/api/users/me/masked-addresses/none@acting.test", 404),
        ("PATCH", path, 200), ("GET", "/api/users/me/app-passwords", 403), ("GET", "/api/users/me", 200),
    ):
        body = {"label": "x"} if method == "PATCH" else None
        assert platform.http(method, place, body, made["access_token"])[0] == status
        # By themselves they leave none.
        platform.http("GET", place, token=own)
    events = platform.http("GET", f"/api/audit?subject={person}&action=account.act_request", token=token)[2]["events"][::-1]
    assert {(one["actor"], one["remote"]) for one in events} == {(boss, "127.0.0.1")}
    details = [json.loads(one["detail"]) for one in events]
    one = "/api/users/me/masked-addresses/{address}"
    assert [(each["method"], each["route"], each["status"]) for each in details] == [
        ("GET", one, 200), ("GET", one, 404), ("PATCH", one, 200), ("GET", "/api/users/me", 200)]
    assert {each["session"] for each in details} == {made["session"]} and "as" not in details[0]
    assert "secret" not in str(events) and masked not in str(events)
    # The person sees how many, and when the last one was.
    shown = [each for each in platform.http("GET", SESSIONS, token=own)[2]["sessions"] if "acting" in each]
    assert shown[0]["acting"]["requests"] == 4 and shown[0]["last_used_at"] == events[-1]["at"]
    assert [each["requests"] for each in platform.json("session", "list", person) if each.get("actor")] == [4]
    # What was changed has its own line beside.
    changes = platform.http("GET", f"/api/audit?subject={person}&action=masked_address.change", token=token)[2]["events"]
    assert [(each["actor"], json.loads(each["detail"])["as"]) for each in changes] == [(boss, person)]
    platform.cli("verify", "audit")


@pytest.mark.one_machine("alters the database file")
def test_what_cannot_be_written_down_is_not_shown(start_platform):
    platform = start_platform()
    boss, person = operator(platform, "unseen"), platform.add_account("shy@acting.test")
    made, own = acting(platform, person, login(platform, boss)), login(platform, person)
    assert is_good(platform, made["access_token"])

    def rename(before, after):
        with sqlite3.connect(platform.data / "oonrumail.sqlite") as database:
            database.execute(f"ALTER TABLE {before} RENAME TO {after}")

    rename("audit", "audit_away")
    status, headers, problem = platform.http("GET", "/api/users/me", token=made["access_token"])
    assert status == 503 and headers["Retry-After"] and person not in str(problem), problem
    # A change is not made without its line either, whoever asks.
    assert platform.http("PATCH", "/api/users/me", {"display_name": "Seen"}, made["access_token"])[0] >= 500
    assert platform.http("POST", "/api/users/me/app-passwords", {"name": "Phone"}, own)[0] >= 500
    # Who reads their own is not kept out, nor who signs in: the log has what the trail lacks, and it is counted.
    assert is_good(platform, own) and login(platform, person)
    assert platform.metric("oonrumail_audit_lost_total") >= 1
    assert any("audit event not written" in log.read_text() and "sign_in" in log.read_text() for log in platform.logs)
    rename("audit_away", "audit")
    assert platform.http("GET", "/api/users/me", token=own)[2]["display_name"] == ""
    assert platform.http("GET", "/api/users/me/app-passwords", token=own)[2]["app_passwords"] == []
    assert is_good(platform, made["access_token"])
    platform.cli("verify", "audit")


def test_nothing_is_open_but_what_is_named(platform):
    """Every route that asks for a token, as each process describes it."""
    boss = operator(platform, "walker")
    # Whoever they act as is an operator too: no right of theirs is lent.
    person = operator(platform, "lender")
    token = acting(platform, person, login(platform, boss))["access_token"]
    paths = {}
    for port in platform.http_ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=20) as answer:
            paths |= json.load(answer)["paths"]
    marked, refused = set(), set()
    for path, methods in paths.items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            if operation.get("x-while-acting"):
                marked.add(name)
            if operation["security"] != [{"bearer": []}]:
                continue
            place = re.sub(r"\{\w+\}", "1", path)
            body = None if method in ("get", "delete") else {}
            status, _, problem = platform.http(method.upper(), place, body, token)
            if "userinfo" in path:
                assert status == 401, (name, status)
                continue
            is_refused = status == 403 and problem["type"] == REFUSED
            assert is_refused == (name not in OPEN), (name, status, problem)
            if is_refused:
                refused.add(name)
                assert boss in problem["detail"] and person in problem["detail"]
    # Search is there where an index is.
    assert marked | {"GET /api/search"} == OPEN
    assert len(refused) > 100
    for name in (
        "PUT /api/users/me/password", "POST /api/users/me/app-passwords", "POST /api/users/me/second-factor",
        "POST /api/users/me/passkeys", "PUT /api/users/me/recovery-address", "DELETE /api/users/me/sessions/{id}",
        "POST /api/users/me/sessions/revoke-others", "POST /api/users/me/sending-grants", "POST /api/accounts/{id}/act",
        "DELETE /api/accounts/{id}/act", "GET /api/audit", "GET /api/organisations", "POST /api/domains",
        "DELETE /api/users/me/applications/{id}", "PUT /api/accounts/{id}/mailboxes/{mailbox}/rights/{identifier}",
    ):
        assert name in refused, name


def test_it_signs_in_to_no_mail_protocol(platform):
    boss, person = operator(platform, "postie"), platform.add_account("mail@acting.test")
    token = acting(platform, person, login(platform, boss))["access_token"]
    own = login(platform, person)
    assert is_good(platform, token)
    assert imap_by_token(platform, person, own) is None and smtp_by_token(platform, person, own)[0] == 235
    assert imap_by_token(platform, person, token)["status"] == "401"
    assert smtp_by_token(platform, person, token)[0] == 535
    assert platform.http("POST", "/api/auth/refresh", {"refresh_token": token})[0] == 401


def test_who_is_refused(platform):
    boss = operator(platform, "refused")
    token = login(platform, boss)
    person = platform.add_account("target@acting.test")
    path = f"/api/accounts/{identity(platform, person)}/act"
    for reason in ("", "a\r\nb", "x" * 201):
        status, _, problem = platform.http("POST", path, {"reason": reason}, token)
        assert status == 422 and problem["errors"][0]["pointer"] == "#/reason", problem
    assert platform.http("POST", path, {}, token)[0] == 422
    assert platform.http("POST", path, {"reason": "x"})[0] == 401
    assert act(platform, boss, token)[0] == 403
    assert platform.http("POST", "/api/accounts/999999999/act", {"reason": "x"}, token)[0] == 404
    assert act(platform, boss, login(platform, person))[0] == 403
    assert platform.http("DELETE", path, token=token)[0] == 404
    platform.cli("account", "suspend", person, "--reason", "on leave")
    status, _, problem = act(platform, person, token)
    assert status == 409 and "suspended" in problem["detail"], problem
    platform.cli("account", "restore", person)
    platform.cli("account", "add", "team@acting.test", "--shared")
    status, _, problem = act(platform, "team@acting.test", token)
    assert status == 422 and "shared account" in problem["detail"], problem
    # Nobody is told of what did not happen.
    assert mails(platform, person) == []
    # Without the setting, operators alone.
    house = Company(platform, "acting-house.test")
    status, problem = house.ask("owner", "POST", f"/api/accounts/{house.ids['member']}/act", {"reason": "x"})
    assert status == 403 and "Operators of the platform alone" in problem["detail"], problem


def test_an_account_that_cannot_be_told_is_left_alone(platform):
    boss, person = operator(platform, "quiet"), platform.add_account("full@acting.test")
    token = login(platform, boss)
    acting(platform, person, token)
    wait_until(lambda: len(mails(platform, person)) == 1)
    assert platform.http("DELETE", f"/api/accounts/{identity(platform, person)}/act", token=token)[0] == 204
    platform.cli("account", "quota", person, "1")
    status, _, problem = act(platform, person, token)
    assert status == 409 and "cannot be told" in problem["detail"], problem
    own = login(platform, person)
    assert not any("acting" in one for one in platform.http("GET", SESSIONS, token=own)[2]["sessions"])


def test_the_person_and_the_administrator_end_it(platform):
    boss, person = operator(platform, "ender"), platform.add_account("ended@acting.test")
    token, own = login(platform, boss), login(platform, person)
    first, second = acting(platform, person, token), acting(platform, person, token)
    # One at a time.
    assert not is_good(platform, first["access_token"]) and is_good(platform, second["access_token"])
    # Not by the token itself, and not by others.
    assert platform.http("DELETE", f"{SESSIONS}/{second['session']}", token=second["access_token"])[0] == 403
    assert platform.http("DELETE", f"{SESSIONS}/{second['session']}", token=token)[0] == 404
    assert platform.http("DELETE", f"{SESSIONS}/{second['session']}", token=own)[0] == 204
    assert not is_good(platform, second["access_token"]) and is_good(platform, own)
    third = acting(platform, person, token)
    path = f"/api/accounts/{identity(platform, person)}/act"
    assert platform.http("DELETE", path, token=third["access_token"])[0] == 403
    assert platform.http("DELETE", path, token=token)[0] == 204
    assert not is_good(platform, third["access_token"])
    fourth = acting(platform, person, token)
    assert platform.http("POST", f"{SESSIONS}/revoke-others", {}, own)[2]["revoked"] >= 1
    assert not is_good(platform, fourth["access_token"])
    # The person's own sign-ins leave it alone.
    fifth = acting(platform, person, token)
    login(platform, person)
    assert is_good(platform, fifth["access_token"])
    ends = platform.http("GET", f"/api/audit?subject={person}&action=account.act_end", token=token)[2]["events"]
    assert [one["actor"] for one in ends] == [boss]


@pytest.mark.parametrize("how", ["suspend", "delete", "demote", "log out", "password"])
def test_it_ends_with_the_administrator(platform, how):
    name = how.replace(" ", "")
    boss, person = operator(platform, f"gone-{name}"), platform.add_account(f"kept-{name}@acting.test")
    status, _, tokens = platform.http("POST", "/api/auth/login", {"email": boss, "password": PASSWORD})
    made, own = acting(platform, person, tokens["access_token"]), login(platform, person)
    assert is_good(platform, made["access_token"])
    if how == "suspend":
        platform.cli("account", "suspend", boss, "--reason", "left")
    elif how == "delete":
        chief = login(platform, ADMIN)
        assert platform.http("DELETE", f"/api/accounts/{identity(platform, boss)}", token=chief)[0] == 200
    elif how == "demote":
        platform.cli("account", "change", boss, "--role", "member")
    elif how == "log out":
        assert platform.http("POST", "/api/auth/logout", {"refresh_token": tokens["refresh_token"]})[0] == 204
    else:
        platform.cli("account", "password", boss, "--password-stdin", stdin="quite another horse\n")
    assert not is_good(platform, made["access_token"]) and is_good(platform, own)
    assert not any("acting" in one for one in platform.http("GET", SESSIONS, token=own)[2]["sessions"])


def test_administrators_of_organisations_where_the_platform_lets_them(start_platform):
    platform = start_platform(OONRUMAIL_ACTING_AS_USERS="administrators")
    left, right = Company(platform, "left.test"), Company(platform, "right.test")

    def ask(house, role, target):
        return house.ask(role, "POST", f"/api/accounts/{target}/act", {"reason": REASON})

    assert ask(left, "admin", left.ids["member"])[0] == 201
    assert ask(left, "owner", left.ids["admin"])[0] == 201
    assert ask(left, "admin", left.ids["owner"])[0] == 403
    assert ask(left, "member", left.ids["admin"])[0] == 403
    assert ask(left, "owner", left.ids["owner"])[0] == 403
    assert ask(left, "owner", right.ids["member"])[0] == 404
    assert ask(left, "owner", identity(platform, ADMIN))[0] == 404
    # Whoever acts as an administrator manages nobody.
    token = ask(left, "owner", left.ids["admin"])[1]["access_token"]
    assert platform.http("GET", f"/api/organisations/{left.organisation}/accounts", token=token)[2]["type"] == REFUSED
    # An organisation that demands a second factor binds who signs in; whoever acts has shown theirs already.
    held = ask(left, "admin", left.ids["member"])[1]["access_token"]
    assert is_good(platform, held)
    # Members whose role grows above the administrator's are theirs no more.
    assert left.ask("owner", "PATCH", f"/api/accounts/{left.ids['member']}", {"role": "owner"})[0] == 200
    assert not is_good(platform, held)


def test_nobody_acts_where_it_is_off(start_platform):
    platform = start_platform(OONRUMAIL_ACTING_AS_USERS="off")
    person = platform.add_account("ann@off.test")
    status, _, problem = act(platform, person, login(platform, ADMIN))
    assert status == 403 and problem["detail"] == "Nobody acts as another on this platform.", problem
