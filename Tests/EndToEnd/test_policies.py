"""Policies of domains, as managers set them and as mail meets them."""
import email
import email.policy
import json
import smtplib
import sqlite3

import pytest
from platform_process import PASSWORD, wait_until
from test_quotas import Tenant, sign_in


def put(platform, tenant, policy, headers=None, expect=200):
    status, answer_headers, body = platform.http("PUT", f"/api/domains/{tenant.domain}/policy", policy, tenant.token)
    assert status == expect, body
    return body


@pytest.fixture(scope="module")
def tenant(platform):
    made = Tenant(platform, "ruled.test")
    made.archive = platform.add_account("archive@ruled.test")
    return made


def incoming(platform, recipient, message, sender="a@outside.test", secure=False):
    with platform.smtp() as client:
        if secure:
            from platform_process import any_certificate
            client.starttls(context=any_certificate())
        client.sendmail(sender, recipient, message)


def message(sender, to, body="Hello\r\n", header=""):
    return f"From: {sender}\r\nTo: {to}\r\nSubject: x\r\n{header}\r\n{body}".encode()


def test_a_policy_is_one_versioned_document(platform, tenant):
    path = f"/api/domains/{tenant.domain}/policy"
    status, headers, shown = platform.http("GET", path, token=tenant.token)
    assert status == 200 and headers["ETag"] == f'"v{shown["version"]}"'
    first = put(platform, tenant, {"max_recipients": 3, "footer": {"text": "Grüße"}})
    assert first["policy"] == {"max_recipients": 3, "footer": {"text": "Grüße"}}
    assert platform.http("GET", path, token=tenant.token)[2] == first
    assert platform.json("policy", "show", tenant.domain)["policy"]["max_recipients"] == 3
    assert put(platform, tenant, {})["version"] == first["version"] + 1
    member = sign_in(platform, tenant.member)
    assert platform.http("GET", path, token=member)[0] == 403
    assert platform.http("GET", "/api/domains/example.test/policy", token=tenant.token)[0] == 404
    assert platform.http("PUT", "/api/domains/example.test/policy", {}, tenant.token)[0] == 404
    events = platform.http("GET", "/api/audit?action=domain.policy", token=tenant.token)[2]["events"]
    assert events[0]["subject"] == tenant.domain
    done = platform.cli("policy", "set", tenant.domain, stdin='{"sendin": {}}', check=False)
    assert done.returncode == 1 and "sendin" in done.stderr
    assert platform.cli("policy", "set", tenant.domain, stdin='{"retention": {"trash_days": 30}}').returncode == 0
    put(platform, tenant, {})


@pytest.mark.parametrize("policy, pointer", [
    ({"max_message_bytes": 5}, "max_message_bytes"), ({"max_recipients": 0}, "max_recipients"),
    ({"sending": {"account_per_hour": -1}}, "sending/account_per_hour"), ({"sending": {"per_week": 1}}, "sending/per_week"),
    ({"recipients": {"blocked": ["ok.test", "no domain"]}}, "recipients/blocked/1"),
    ({"blocked_senders": ["a\r\nb"]}, "blocked_senders/0"), ({"tls": {"inbound": ["a@b.test"]}}, "tls/inbound/0"),
    ({"attachments": {"extensions": [".exe"]}}, "attachments/extensions/0"), ({"attachments": {"types": ["exe"]}}, "attachments/types/0"),
    ({"attachments": {"direction": "sideways"}}, "attachments/direction"), ({"footer": {"text": "a\rb"}}, "footer/text"),
    ({"footer": {"text": "a", "html": "<script>x</script>"}}, "footer/html"), ({"copies": [{"address": "x", "direction": "both"}]}, "copies/0/address"),
    ({"copies": [{"address": "admin@example.test", "direction": "both"}]}, "copies/0/address"),
    ({"retention": {"trash_days": 0}}, "retention/trash_days"), ({"colour": 1}, "colour"),
])
def test_every_member_is_checked(platform, tenant, policy, pointer):
    problem = put(platform, tenant, policy, expect=422)
    assert problem["errors"][0]["pointer"] == f"#/{pointer}"


def test_incoming_mail_meets_the_rules(platform, tenant):
    put(platform, tenant, {
        "max_message_bytes": 20000, "blocked_senders": ["*.spam.test", "bad@outside.test"], "tls": {"inbound": ["bank.test"]},
        "attachments": {"extensions": ["exe"], "direction": "incoming"},
    })
    incoming(platform, tenant.member, message("a@outside.test", tenant.member))
    for sender in ("x@a.spam.test", "bad@outside.test", "bad+1@outside.test"):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            incoming(platform, tenant.member, message(sender, tenant.member), sender)
        assert refused.value.recipients[tenant.member][0] == 550
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        incoming(platform, tenant.member, message("a@bank.test", tenant.member), "a@bank.test")
    assert refused.value.recipients[tenant.member][0] == 530
    incoming(platform, tenant.member, message("a@bank.test", tenant.member), "a@bank.test", secure=True)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:  # SIZE= is announced
        incoming(platform, tenant.member, message("a@outside.test", tenant.member, "x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 300))
    assert refused.value.recipients[tenant.member][0] == 552 and b"5.3.4" in refused.value.recipients[tenant.member][1]
    exe = "--b\r\nContent-Disposition: attachment; filename=\"run.EXE\"\r\n\r\nMZ\r\n--b--\r\n"
    with pytest.raises(smtplib.SMTPDataError) as refused:
        incoming(platform, tenant.member, message("a@outside.test", tenant.member, exe, "Content-Type: multipart/mixed; boundary=b\r\n"))
    assert refused.value.smtp_code == 550 and b"5.7.1" in refused.value.smtp_error
    seen = wait_until(lambda: [event for event in platform.json("trace", tenant.member) if "attachment" in event["detail"]])
    assert "run.EXE" in seen[-1]["detail"]
    # Domains that rule contents otherwise get a message of their own.
    with platform.smtp() as client:
        refused = client.sendmail("a@outside.test", [tenant.member, "admin@example.test"], message("a@outside.test", "b"))
    assert refused["admin@example.test"][0] == 452
    put(platform, tenant, {})


def test_outgoing_mail_meets_the_rules(platform, tenant):
    put(platform, tenant, {
        "max_message_bytes": 20000, "max_recipients": 2, "recipients": {"allowed": ["ruled.test", "example.test"], "blocked": ["admin@example.test"]},
        "attachments": {"types": ["application/x-msdownload"]},
    })
    with platform.submission(tenant.member) as client:
        assert client.mail(tenant.member, ["SIZE=30000"])[0] == 552
        client.mail(tenant.member)
        assert client.rcpt("admin@example.test")[0] == 550
        assert client.rcpt("someone@elsewhere.test")[0] == 550
        assert [client.rcpt(to)[0] for to in (tenant.owner, tenant.member, tenant.archive)] == [250, 250, 452]
        client.rset()
        bad = message(tenant.member, tenant.owner, "MZ", "Content-Type: application/x-msdownload\r\n")
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail(tenant.member, [tenant.owner], bad)
        assert refused.value.smtp_code == 550
        put(platform, tenant, {"sending": {"account_per_hour": 3}})
        client.mail(tenant.member)
        codes = [client.rcpt(to) for to in (tenant.owner, tenant.owner, tenant.owner, tenant.owner)]
        assert codes[-1][0] == 451 and b"4.7.1" in codes[-1][1]
    put(platform, tenant, {})


@pytest.mark.parametrize("declared", ["", " SIZE=1000"])
def test_what_is_larger_than_it_said_is_refused_when_it_is_there(platform, tenant, declared):
    put(platform, tenant, {"max_message_bytes": 20000})
    large = "y" * 70 + "\r\n"

    def reply(client, sender, recipient, lines):
        assert client.docmd(f"MAIL FROM:<{sender}>{declared}")[0] == 250
        assert client.rcpt(recipient)[0] == 250
        return client.data(message(sender, recipient, large * lines))

    with platform.smtp() as client:
        client.ehlo()
        refused = reply(client, "a@outside.test", tenant.member, 300)
        assert refused[0] == 552 and b"5.3.4" in refused[1]
        assert reply(client, "a@outside.test", tenant.member, 10)[0] == 250
    with platform.submission(tenant.member) as client:
        client.ehlo()
        refused = reply(client, tenant.member, "admin@example.test", 300)
        assert refused[0] == 552 and b"5.3.4" in refused[1]
        assert reply(client, tenant.member, "admin@example.test", 10)[0] == 250
    put(platform, tenant, {})


def test_footer_and_copies(platform, tenant):
    put(platform, tenant, {
        "footer": {"text": "Ruled Ltd, Köln", "html": "<b>Ruled</b><script>x()</script>"},
        "copies": [{"address": tenant.archive, "direction": "both"}],
    })
    html = (
        "--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n<html><body>Caf=E9</body></html>\r\n--b--\r\n"
    )
    with platform.submission(tenant.member) as client:
        client.sendmail(tenant.member, [tenant.owner], message(tenant.member, tenant.owner, html, "Content-Type: multipart/alternative; boundary=b\r\n"))
    [raw] = platform.messages(tenant.owner)
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert parsed.get_body(("plain",)).get_content().split() == ["Hello", "Ruled", "Ltd,", "Köln"]
    shown = parsed.get_body(("html",)).get_content()
    assert "Café" in shown and "<b>Ruled</b>" in shown and "script" not in shown
    assert parsed["DKIM-Signature"]
    [copy] = platform.messages(tenant.archive)
    assert copy.split(b"DKIM-Signature", 1)[1] == raw.split(b"DKIM-Signature", 1)[1]
    incoming(platform, tenant.owner, message("a@outside.test", tenant.owner, "In\r\n"))
    assert len(platform.messages(tenant.archive)) == 2
    # A copy that cannot be delivered keeps the message waiting.
    platform.cli("account", "suspend", tenant.archive)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        incoming(platform, tenant.owner, message("a@outside.test", tenant.owner, "In\r\n"))
    assert refused.value.recipients[tenant.owner][0] == 451
    platform.cli("account", "activate", tenant.archive)
    put(platform, tenant, {})


@pytest.mark.one_machine("another platform of its own")
def test_mail_that_must_be_encrypted_waits_rather_than_goes_in_clear_text(start_platform, sink):
    port, folder = sink()
    platform = start_platform(OONRUMAIL_TRANSPORT_MAP=f"remote.test=127.0.0.1:{port}", OONRUMAIL_RETENTION_INTERVAL="1s")
    careful = Tenant(platform, "careful.test")
    put(platform, careful, {"tls": {"outbound": ["remote.test"]}})
    with platform.submission(careful.member) as client:
        client.sendmail(careful.member, ["x@remote.test"], message(careful.member, "x@remote.test", "A line.\r\n"))
    held = wait_until(lambda: [event for event in platform.json("trace", careful.member) if event["kind"] == "deferred"])
    assert "STARTTLS is required" in held[-1]["detail"]
    assert not [path for path in folder.iterdir() if b"A line." in path.read_bytes()]
    put(platform, careful, {"retention": {"trash_days": 1}})
    platform.cli("queue", "retry", "--all")
    wait_until(lambda: [path for path in folder.iterdir() if b"A line." in path.read_bytes()])
    # What has been in Trash for days goes, what is young stays; nothing elsewhere is touched.
    client = platform.imap(careful.member)
    for folder in ("Trash", "Trash", "INBOX"):
        client.append(folder, None, None, b"Subject: x\r\n\r\ny\r\n")
    with sqlite3.connect(platform.data / "oonrumail.sqlite", timeout=20) as database:
        database.execute("UPDATE messages SET saved_at = saved_at - 2 * 86400 * 1000000 WHERE uid = 1")
    database.close()
    wait_until(lambda: client.noop() and client.select("Trash") == ("OK", [b"1"]))
    assert client.select("INBOX") == ("OK", [b"1"])
    client.logout()
    [event] = wait_until(lambda: platform.http("GET", "/api/audit?action=retention", token=careful.token)[2]["events"])
    detail = json.loads(event["detail"])
    assert event["subject"] == careful.member and event["actor"] == "system"
    assert (detail["domain"], detail["messages"]) == (careful.domain, 1)
    assert platform.json("quota", "verify")["findings"] == []
