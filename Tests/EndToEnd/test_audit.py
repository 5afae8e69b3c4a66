"""The audit trail: what is in it, who may read it, and that a changed octet is found."""
import sqlite3
import urllib.parse

import pytest
from platform_process import ADMIN, PASSWORD


def login(platform, user, password=PASSWORD):
    return platform.http("POST", "/api/auth/login", {"email": user, "password": password})


def trail(platform, token, **query):
    status, _, body = platform.http("GET", f"/api/audit?{urllib.parse.urlencode(query)}", token=token)
    assert status == 200, body
    return body


def test_what_people_do_is_in_it(platform):
    person = platform.add_account("ann@trail.test")
    assert login(platform, person, "wrong horse")[0] == 401
    token = login(platform, person)[2]["access_token"]
    platform.imap(person).logout()
    made = platform.http("POST", "/api/users/me/app-passwords", {"name": "Phone"}, token)[2]
    operator = login(platform, ADMIN)[2]["access_token"]
    events = trail(platform, operator, subject=person)["events"][::-1]
    assert [one["action"] for one in events] == ["account.add", "sign_in.refused", "sign_in", "sign_in", "app_password.add"]
    assert [one["actor"] for one in events] == ["cli", "-", person, person, person]
    assert all(one["remote"] == "127.0.0.1" for one in events[1:])
    assert made["password"] not in str(events) and "horse" not in str(events)


def test_pages_and_filters(platform):
    person = platform.add_account("pages@trail.test")
    for _ in range(5):
        login(platform, person, "wrong horse")
    operator = login(platform, ADMIN)[2]["access_token"]
    seen, before = [], {}
    while True:
        page = trail(platform, operator, subject=person, action="sign_in", limit=2, **before)
        seen += [one["id"] for one in page["events"]]
        if "next" not in page:
            break
        before = {"before": page["next"]}
    assert len(seen) == 5 and seen == sorted(seen, reverse=True)
    assert trail(platform, operator, subject=person, since="2100-01-01T00:00:00Z")["events"] == []
    for bad in ("limit=0", "limit=501", "since=yesterday", "before=x"):
        assert platform.http("GET", f"/api/audit?{bad}", token=operator)[0] == 400


def test_tenants_read_their_own(platform):
    platform.cli("domain", "add", "left.test", "--organisation", "Left")
    platform.cli("domain", "add", "right.test", "--organisation", "Right")
    tokens = {}
    for side in ("left", "right"):
        owner = f"owner@{side}.test"
        platform.cli("account", "add", owner, "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
        tokens[side] = login(platform, owner)[2]["access_token"]
    member = platform.add_account("member@left.test")
    assert platform.http("GET", "/api/audit", token=login(platform, member)[2]["access_token"])[0] == 403
    assert platform.http("GET", "/api/audit")[0] == 401
    for side, other in (("left", "right"), ("right", "left")):
        subjects = {one["subject"] for one in trail(platform, tokens[side], limit=500)["events"]}
        assert f"owner@{side}.test" in subjects
        own = platform.http("GET", "/api/users/me", token=tokens[side])[2]["organisation_id"]
        assert all(subject.endswith(f"{side}.test") or subject == f"organisation {own}" for subject in subjects), subjects
        assert trail(platform, tokens[side], subject=f"owner@{other}.test")["events"] == []


@pytest.mark.one_machine("writes into the database file")
def test_a_changed_octet_is_found(start_platform):
    platform = start_platform()
    for number in range(5):
        login(platform, ADMIN, f"wrong horse {number}")
    checked = platform.json("verify", "audit")
    assert "broken" not in checked
    assert checked["events"] >= 6
    head = checked["head"]
    login(platform, ADMIN)
    platform.cli("verify", "audit", "--head", head)
    platform.stop()
    with sqlite3.connect(platform.data / "oonrumail.sqlite") as database:
        number = database.execute("SELECT MIN(audit_id) + 1 FROM audit WHERE detail LIKE '%wrong%'").fetchone()[0]
        database.execute("UPDATE audit SET detail = REPLACE(detail, 'wrong', 'wr0ng') WHERE audit_id = ?", (number,))
    done = platform.cli("verify", "audit", check=False)
    assert done.returncode == 1 and f"Event {number} is not as it was written" in done.stdout
    platform.cli("verify")
