"""Answers for people who are away: who has one, who has none, what stands in it, and who may set it."""
import json
import time

import pytest

from platform_process import wait_until
from test_people import Company
from test_recovery import mails

OWN = "/api/users/me/vacation"
FRIEND = "friend@elsewhere.test"


@pytest.fixture(scope="module")
def company(platform):
    made = Company(platform, "away.test")
    for name in ("ann", "bob"):
        platform.add_account(f"{name}@away.test")
        made.tokens[name] = made.login(f"{name}@away.test")
    return made


def away(company, role="ann", **given):
    status, body = company.ask(role, "PUT", OWN, {"is_enabled": True, "text": "Back on Monday.", **given})
    assert status == 200, body
    return body


def write(company, subject, sender=FRIEND, to="ann@away.test", recipients=None, header="", user=None):
    """Mail as another server brings it, or as a person here sends it."""
    text = f"From: {sender or FRIEND}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{abs(hash(subject))}@test>\r\n{header}\r\nbody\r\n"
    with company.platform.submission(user) if user else company.platform.smtp() as client:
        client.sendmail(sender, recipients or [to], text)


def answers(company, address=FRIEND):
    """Answers that went to the address, as the trace knows them."""
    known = json.loads(company.platform.cli("trace", address, "--json", check=False).stdout or "[]")
    return [event for event in known if event["detail"].startswith("answer for ") and event["recipient"] == address]


def test_a_friend_has_one_answer_and_it_is_told_apart_from_a_person(platform, company):
    away(company, text="Back on Monday.\n.\nÄnn – „away“", subject=None)
    write(company, "Lunch =?utf-8?Q?caf=C3=A9?=", "bob@away.test", header="References: <first@test> <b\"ad<id>\r\n", user="bob@away.test")
    wait_until(lambda: mails(platform, "bob@away.test"))
    answer, = mails(platform, "bob@away.test")
    assert answer["Subject"] == "Auto: Lunch café" and answer["Auto-Submitted"] == "auto-replied"
    assert answer["Return-Path"] == "<>" and answer["From"].endswith("ann@away.test") and answer["To"] == "bob@away.test"
    assert answer["In-Reply-To"].endswith("@test>") and "<first@test>" in answer["References"] and "b\"ad" not in answer["References"]
    assert "d=away.test" in answer["DKIM-Signature"] and answer.get_content().splitlines() == ["Back on Monday.", ".", "Änn – „away“"]
    write(company, "again", "bob@away.test", user="bob@away.test")
    wait_until(lambda: any(b"Subject: again\r\n" in raw for raw in platform.messages("ann@away.test")))
    assert len(mails(platform, "bob@away.test")) == 1
    # Said otherwise, it is said again.
    away(company, text="Back on Tuesday.", subject="Away")
    write(company, "third", "bob@away.test", user="bob@away.test")
    assert len(mails(platform, "bob@away.test")) == 2 and mails(platform, "bob@away.test")[1]["Subject"] == "Away"


@pytest.mark.parametrize("name, how", {
    "a-program": {"header": "Auto-Submitted: auto-generated; x=y\r\n"},
    "an-answer": {"header": "Auto-Submitted: Auto-Replied\r\n"},
    "a-list": {"header": "List-Id: <news.elsewhere.test>\r\n"},
    "a-mailing": {"header": "List-Unsubscribe: <mailto:off@elsewhere.test>\r\n"},
    "bulk": {"header": "Precedence: Bulk\r\n"},
    "suppressed": {"header": "X-Auto-Response-Suppress: DR, OOF\r\n"},
    "spam": {"header": "X-Spam-Flag: YES\r\n"},
    "nobody": {"sender": ""},
    "a-daemon": {"sender": "MAILER-DAEMON@elsewhere.test"},
    "no-reply": {"sender": "No-Reply@elsewhere.test"},
    "a-request": {"sender": "news-request@elsewhere.test"},
    "an-owner": {"sender": "owner-news@elsewhere.test"},
    "not-named": {"to": "undisclosed-recipients:;", "recipients": ["ann@away.test"]},
    "named-other": {"to": "bob@away.test", "recipients": ["ann@away.test"]},
}.items())
def test_what_no_person_wrote_to_a_person_has_none(platform, company, name, how):
    away(company, text=f"for {name}")
    write(company, name, **how)
    # Answers are written before the next message of the connection is taken: one to a person marks the end.
    mark = f"{name}-mark@elsewhere.test"
    write(company, f"{name}-mark", mark)
    assert len(answers(company, mark)) == 1
    sender = how.get("sender", FRIEND)
    assert not sender or answers(company, sender.lower()) == answers(company, sender) == []


def test_an_explicit_no_is_a_person(company):
    away(company, text="no program")
    write(company, "by-hand", "hand@elsewhere.test", header="Auto-Submitted: no\r\n")
    answer, = answers(company, "hand@elsewhere.test")
    assert answer["kind"] == "queued" and answer["sender"] == "" and answer["detail"] == "answer for ann@away.test, who is away"


def test_addresses_of_ones_own_and_others(platform, company):
    away(company, text="any address")
    platform.cli("alias", "add", "sales@away.test", "ann@away.test")
    platform.cli("alias", "add", "both@away.test", "ann@away.test", "bob@away.test")
    for to in ("sales@away.test", "both@away.test", "ANN+x@away.test"):
        write(company, "to", f"{to.split('@')[0].lower().replace('+', '-')}-friend@elsewhere.test", to)
    assert answers(company, "sales-friend@elsewhere.test")[0]["detail"].startswith("answer for sales@away.test,")
    assert answers(company, "both-friend@elsewhere.test") == []
    assert answers(company, "ann-x-friend@elsewhere.test")[0]["detail"].lower().startswith("answer for ann+x@away.test,")
    masked = company.ask("ann", "POST", "/api/users/me/masked-addresses", {"label": "shop"})[1]["address"]
    write(company, "to", "shop@elsewhere.test", masked)
    everything = "/api/domains/away.test/catch-all"
    assert company.ask("owner", "PUT", everything, {"action": "deliver", "target": "ann@away.test"})[0] == 200
    write(company, "to", "guess@elsewhere.test", "guess@away.test")
    assert answers(company, "shop@elsewhere.test") == answers(company, "guess@elsewhere.test") == []
    assert company.ask("owner", "PUT", everything, {"action": "reject"})[0] == 200


def test_two_who_are_away_do_not_write_to_each_other_for_ever(platform, company):
    away(company, text="Ann is away")
    away(company, "bob", text="Bob is away")
    before = len(mails(platform, "ann@away.test"))
    write(company, "hello", "bob@away.test", user="bob@away.test")
    wait_until(lambda: any(one.get_content().strip() == "Ann is away" for one in mails(platform, "bob@away.test") if one["Auto-Submitted"]))
    # Bob's message and nothing that answers the answer.
    assert len(mails(platform, "ann@away.test")) == before + 1
    # Nobody answers themselves.
    write(company, "note", "ann@away.test", user="ann@away.test")
    assert answers(company, "ann@away.test") == []
    assert company.ask("bob", "DELETE", OWN)[0] == 204


def test_from_when_until_when_and_to_whom(company):
    def moment(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))

    cases = [
        ("later", {"starts_at": moment(3_600)}, 0), ("over", {"starts_at": "2026-01-01T00:00:00+02:00", "ends_at": moment(-1)}, 0),
        ("between", {"starts_at": moment(-9), "ends_at": moment(3_600)}, 1), ("off", {"is_enabled": False}, 0),
        ("colleagues", {"audience": "organisation"}, 0),
    ]
    for name, given, count in cases:
        away(company, text=name, **given)
        write(company, name, f"{name}@elsewhere.test")
        assert len(answers(company, f"{name}@elsewhere.test")) == count, name
    away(company, text="colleagues only", audience="organisation")
    write(company, "colleague", "bob@away.test", user="bob@away.test")
    assert answers(company, "bob@away.test")[-1]["kind"] == "delivered"


def test_one_account_gives_so_many_answers_in_a_day(start_platform):
    running = start_platform(OONRUMAIL_VACATION_REPLIES="2")
    company = Company(running, "away.test")
    away(company, "member")
    for name in ("a", "b", "c"):
        write(company, name, f"{name}@elsewhere.test", "member@away.test")
    assert [len(answers(company, f"{name}@elsewhere.test")) for name in "abc"] == [1, 1, 0]
    # The mail itself is there.
    assert len(running.messages("member@away.test")) == 3


def test_a_full_mailbox_of_the_sender_costs_the_answer_alone(platform, company):
    platform.add_account("full@away.test")
    platform.cli("account", "quota", "full@away.test", "10")
    away(company, text="for the full")
    write(company, "from-full", "full@away.test", user="full@away.test")
    assert any(b"Subject: from-full\r\n" in raw for raw in platform.messages("ann@away.test"))
    assert answers(company, "full@away.test") == []


def test_who_sets_it(platform, company):
    assert company.ask("ann", "DELETE", OWN)[0] in (204, 404)
    status, none = company.ask("ann", "GET", OWN)
    assert status == 200 and none == {"is_enabled": False, "text": "", "interval_days": 7, "audience": "everyone"}
    assert company.ask("ann", "DELETE", OWN)[0] == 404
    made = away(company, starts_at="2026-12-24T01:00:00.5+01:00", ends_at="2027-01-07T00:00:00Z", subject="Away", interval_days=3, audience="organisation")
    assert made == company.ask("ann", "GET", OWN)[1] == {
        "is_enabled": True, "starts_at": "2026-12-24T00:00:00.500Z", "ends_at": "2027-01-07T00:00:00.000Z", "subject": "Away",
        "text": "Back on Monday.", "interval_days": 3, "audience": "organisation",
    }
    # What is read can be written.
    assert company.ask("ann", "PUT", OWN, made) == (200, made)
    ann = platform.json("account", "show", "ann@away.test")["id"]
    path = f"/api/accounts/{ann}/vacation"
    assert company.ask("admin", "GET", path) == (200, made)
    assert company.ask("member", "GET", path)[0] == 403 and company.ask("member", "PUT", path, {"is_enabled": False})[0] == 403
    assert company.ask("admin", "PUT", path, {"is_enabled": True, "text": "Left the company."})[0] == 200
    assert company.ask("admin", "PUT", f"/api/accounts/{company.ids['owner']}/vacation", {"is_enabled": False})[0] == 403
    event = company.ask("owner", "GET", "/api/audit?action=account.vacation&limit=1")[1]["events"][0]
    assert event["actor"] == "admin@away.test" and event["subject"] == "ann@away.test" and "Left" not in json.dumps(event)
    detail = json.loads(event["detail"])
    assert detail["interval_days"] == {"before": "3", "after": "7"} and detail["text"] == "changed"
    assert company.ask("admin", "DELETE", path)[0] == 204 and company.ask("ann", "GET", OWN)[1]["is_enabled"] is False
    other = Company(platform, "other-away.test")
    assert other.ask("owner", "GET", path)[0] == other.ask("owner", "PUT", path, {"is_enabled": False})[0] == 404


@pytest.mark.parametrize("pointer, given", [
    ("text", {"text": " \r\n\t"}), ("text", {"text": "x" * 10_001}), ("text", {"text": "a\0b"}), ("subject", {"subject": "a\r\nBcc: x@y.test"}),
    ("subject", {"subject": ""}), ("interval_days", {"interval_days": 0}), ("interval_days", {"interval_days": 32}),
    ("ends_at", {"starts_at": "2026-12-24T00:00:00Z", "ends_at": "2026-12-24T00:00:00Z"}), ("starts_at", {"starts_at": "2026-02-30T00:00:00Z"}),
    ("ends_at", {"ends_at": "tomorrow"}), ("audience", {"audience": "friends"}),
])
def test_what_cannot_be_said(company, pointer, given):
    status, problem = company.ask("ann", "PUT", OWN, {"is_enabled": True, "text": "x", **given})
    assert status == 422 and problem["errors"][0]["pointer"] == f"#/{pointer}", problem


def test_by_command(platform, company):
    told = platform.cli(
        "vacation", "set", "ann@away.test", "--text", "-", "--until", "2099-01-01T00:00:00Z", "--interval", "1", "--json", stdin="Gone fishing.\n"
    )
    assert json.loads(told.stdout)["ends_at"] == "2099-01-01T00:00:00.000Z"
    assert company.ask("ann", "GET", OWN)[1]["text"] == "Gone fishing.\n"
    assert platform.json("vacation", "end", "ann@away.test")["is_enabled"] is False
    assert platform.json("vacation", "show", "ann@away.test")["text"] == "Gone fishing.\n"
    assert platform.cli("vacation", "set", "ann@away.test", "--text", "-", "--interval", "99", stdin="x", check=False).returncode != 0
    platform.cli("vacation", "remove", "ann@away.test")
    assert platform.cli("vacation", "remove", "ann@away.test", check=False).returncode != 0
