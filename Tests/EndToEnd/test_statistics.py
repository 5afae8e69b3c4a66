"""What went through a domain: real mail in and out, and the numbers of the day."""
import smtplib

import pytest
from platform_process import ADMIN, PASSWORD, wait_until

LETTER = "From: {sender}\r\nTo: {to}\r\nSubject: letter\r\n\r\nA line.\r\n"
NAMES = ["received", "refused", "submitted", "queued", "sent", "deferred", "bounced", "cancelled"]


def sign_in(platform, user):
    return platform.http("POST", "/api/auth/login", {"email": user, "password": PASSWORD})[2]["access_token"]


def add(platform, address, role="member"):
    platform.cli("domain", "add", address.split("@")[1], "--organisation", address.split("@")[1], check=False)
    platform.cli("account", "add", address, "--role", role, "--password-stdin", stdin=PASSWORD + "\n")
    return address


def total(platform, token, domain):
    status, _, answer = platform.http("GET", f"/api/domains/{domain}/statistics", token=token)
    assert status == 200, answer
    # Midnight may come between: each number is the sum of its days, whichever those are.
    assert len(answer["days"]) == 30 and answer["days"] == sorted(answer["days"], key=lambda day: day["day"])
    assert answer["total"] == {name: sum(day[name] for day in answer["days"]) for name in NAMES}
    assert all(sum(day[name] for name in NAMES) == 0 for day in answer["days"][:28])
    return {name: number for name, number in answer["total"].items() if number}


def test_every_message_is_in_the_numbers_of_its_day_once(start_platform, sink):
    good, hard, soft = sink()[0], sink("-f", "RCPT")[0], sink("-r", "RCPT")[0]
    platform = start_platform(
        OONRUMAIL_STATISTICS_INTERVAL="1s",
        OONRUMAIL_TRANSPORT_MAP=f"good.test=127.0.0.1:{good},hard.test=127.0.0.1:{hard},soft.test=127.0.0.1:{soft}",
    )
    one, other = add(platform, "one@counted.test", "owner"), add(platform, "other@beside.test", "owner")
    sub = add(platform, "one@sub.counted.test")
    token = sign_in(platform, one)
    # In: two are taken, one is not; the domain below has numbers of its own.
    with platform.smtp() as client:
        for to in (one, one, sub):
            client.sendmail("ann@elsewhere.test", [to], LETTER.format(sender="ann@elsewhere.test", to=to))
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("ann@elsewhere.test", ["nobody@counted.test"], "x")
        # A sender proves nothing: what comes from outside is nobody's submission.
        client.sendmail(one, [other], LETTER.format(sender=one, to=other))
    # Out: to two elsewhere and one here, to a server that refuses, to one that puts off.
    with platform.submission(one) as client:
        for to in (["a@good.test", "b@good.test", other], ["c@hard.test"], ["d@soft.test"]):
            client.sendmail(one, to, LETTER.format(sender=one, to=to[0]))
    # The refused one's notification is received too.
    wait_until(lambda: len(platform.messages(one)) == 3)
    wait_until(lambda: any(event["kind"] == "deferred" for event in platform.json("trace", "d@soft.test")))
    platform.cli("queue", "cancel", "d@soft.test")
    expected = {
        "received": 3, "refused": 1, "submitted": 3, "queued": 4, "sent": 2, "deferred": 1, "bounced": 1, "cancelled": 1,
    }
    wait_until(lambda: total(platform, token, "counted.test").get("cancelled"))
    assert total(platform, token, "counted.test") == expected
    assert total(platform, sign_in(platform, other), "beside.test") == {"received": 2}
    # A process that dies loses no event, and counts none again.
    platform.restart(9)
    with platform.smtp() as client:
        client.sendmail("ann@elsewhere.test", [one], LETTER.format(sender="ann@elsewhere.test", to=one))
    token = sign_in(platform, one)
    wait_until(lambda: total(platform, token, "counted.test")["received"] == 4)
    assert total(platform, token, "counted.test") == {**expected, "received": 4}
    wait_until(lambda: platform.metric("oonrumail_statistics_lag_seconds") == 0)
    assert platform.metric("oonrumail_statistics_failures_total") == 0

    # Operators read the same.
    shown = platform.json("domain", "statistics", "counted.test")
    assert {name: number for name, number in shown["total"].items() if number} == {**expected, "received": 4}
    assert platform.json("domain", "statistics", "sub.counted.test")["total"]["received"] == 1
    table = platform.cli("domain", "statistics", "Counted.test", "--since", shown["since"]).stdout.splitlines()
    assert table[0].split() == ["DAY"] + [name.upper() for name in NAMES] and len(table) == 32
    assert table[-1].split() == ["all", "4", "1", "3", "4", "2", "1", "1", "1"]


def test_who_reads_the_numbers_and_of_which_days(platform):
    owner, member = add(platform, "owner@numbers.test", "owner"), add(platform, "member@numbers.test")
    stranger = add(platform, "owner@strangers.test", "owner")
    token, path = sign_in(platform, owner), "/api/domains/numbers.test/statistics"
    status, _, answer = platform.http("GET", f"{path}?since=2024-02-28&until=2024-03-01", token=token)
    assert status == 200 and answer["domain"] == "numbers.test"
    assert [day["day"] for day in answer["days"]] == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert set(answer["days"][0]) == {"day", *NAMES} and answer["total"] == dict.fromkeys(NAMES, 0)
    assert len(platform.http("GET", f"{path}?since=2025-01-01&until=2026-02-04", token=token)[2]["days"]) == 400
    for query in (
        "since=2025-01-01&until=2026-02-05", "since=2026-02-02&until=2026-02-01", "since=2026-02-30", "until=today",
        "since=1969-12-31&until=1970-01-01", "since=", "until=2026-11-25T00:00:00Z",
    ):
        status, _, problem = platform.http("GET", f"{path}?{query}", token=token)
        assert status == 400 and problem["status"] == 400, query
    assert platform.http("GET", path)[0] == 401
    assert platform.http("GET", path, token=sign_in(platform, member))[0] == 403
    assert platform.http("GET", path, token=sign_in(platform, stranger))[0] == 404
    assert platform.http("GET", "/api/domains/nowhere.test/statistics", token=token)[0] == 404
    assert platform.http("GET", path, token=sign_in(platform, ADMIN))[0] == 200
    assert platform.cli("domain", "statistics", "nowhere.test", check=False).returncode == 3
    assert platform.cli("domain", "statistics", "numbers.test", "--since", "soon", check=False).returncode == 64
