"""Quotas of organisations, domains and accounts, as senders, mail clients, managers and operators meet them."""
import smtplib

import pytest
from platform_process import ADMIN, PASSWORD, wait_until


def sign_in(platform, address):
    status, _, tokens = platform.http("POST", "/api/auth/login", {"email": address, "password": PASSWORD})
    assert status == 200, tokens
    return tokens["access_token"]


class Tenant:
    """An organisation with a domain, an owner and a member."""

    def __init__(self, platform, domain):
        self.domain = domain
        platform.cli("domain", "add", domain, "--organisation", f"{domain} company")
        self.owner, self.member = f"owner@{domain}", f"member@{domain}"
        platform.cli("account", "add", self.owner, "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
        platform.cli("account", "add", self.member, "--password-stdin", stdin=PASSWORD + "\n")
        self.token = sign_in(platform, self.owner)
        self.organisation = platform.http("GET", "/api/users/me", token=self.token)[2]["organisation_id"]


@pytest.fixture(scope="module")
def tenant(platform):
    return Tenant(platform, "measured.test")


def send(platform, recipient, size):
    body = f"From: a@outside.test\r\nTo: {recipient}\r\nSubject: x\r\n\r\n" + "y" * 70 + "\r\n"
    body += ("z" * 70 + "\r\n") * (size // 72)
    with platform.smtp() as client:
        client.sendmail("a@outside.test", [recipient], body.encode())


def test_limits_over_http(platform, tenant):
    path = f"/api/domains/{tenant.domain}/quota"
    status, _, shown = platform.http("GET", path, token=tenant.token)
    assert status == 200 and shown["level"] == "domain" and shown["accounts"] == 2 and "hard_bytes" not in shown
    status, _, shown = platform.http("PUT", path, {"hard_bytes": 10**9, "soft_bytes": 10**8, "hard_messages": 1000}, tenant.token)
    assert status == 200 and (shown["hard_bytes"], shown["soft_bytes"], shown["hard_messages"]) == (10**9, 10**8, 1000)
    for wrong, member in (({"hard_bytes": -1}, "hard_bytes"), ({"hard_bytes": 1, "soft_bytes": 2}, "soft_bytes"),
                          ({"hard_bytes": 2**53}, "hard_bytes"), ({"hard_bites": 1}, "hard_bites"), ({"hard_bytes": "1"}, "hard_bytes")):
        status, _, problem = platform.http("PUT", path, wrong, tenant.token)
        assert status == 422 and problem["errors"][0]["pointer"] == f"#/{member}", wrong
    # The organisation's own limits are not its owner's to set.
    own = f"/api/organisations/{tenant.organisation}/quota"
    assert platform.http("GET", own, token=tenant.token)[0] == 200
    assert platform.http("PUT", own, {"hard_bytes": 5}, tenant.token)[0] == 403
    admin = sign_in(platform, ADMIN)
    assert platform.http("PUT", own, {"hard_bytes": 10**10}, admin)[2]["hard_bytes"] == 10**10
    account = f"/api/domains/{tenant.domain}/accounts/{tenant.member}/quota"
    assert platform.http("PUT", account, {"hard_bytes": 10**7}, tenant.token)[2]["name"] == tenant.member
    member = sign_in(platform, tenant.member)
    assert platform.http("GET", "/api/users/me/quota", token=member)[2]["hard_bytes"] == 10**7
    assert platform.http("GET", path, token=member)[0] == 403
    for foreign in (f"/api/domains/example.test/quota", "/api/organisations/1/quota", "/api/organisations/x/quota",
                    f"/api/domains/{tenant.domain}/accounts/{ADMIN}/quota"):
        assert platform.http("GET", foreign, token=tenant.token)[0] == 404, foreign
        assert platform.http("PUT", foreign, {"hard_bytes": 1}, tenant.token)[0] == 404, foreign
    events = platform.http("GET", "/api/audit?action=quota.set", token=tenant.token)[2]["events"]
    assert events[0]["subject"] == tenant.member


def test_a_full_level_takes_no_mail_and_senders_do_not_hear_which(platform):
    full = Tenant(platform, "full.test")
    platform.cli("quota", "set", full.domain, "--hard", "10K")
    send(platform, full.member, 4000)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(platform, full.owner, 9000)
    assert refused.value.smtp_code == 452 and b"4.2.2" in refused.value.smtp_error
    assert b"domain" not in refused.value.smtp_error.lower()
    seen = wait_until(lambda: [event for event in platform.json("trace", full.owner) if event["kind"] == "refused"])
    assert "the domain's quota is full" in seen[-1]["detail"]
    platform.cli("quota", "set", full.domain, "--hard", "4000")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(platform, full.owner, 10)
    assert refused.value.recipients[full.owner][0] == 452
    client = platform.imap(full.member)
    status, [text] = client.append("INBOX", None, None, b"Subject: x\r\n\r\ny\r\n")
    assert status == "NO" and b"OVERQUOTA" in text
    client.select("INBOX")
    client.store("1:*", "+FLAGS", r"(\Deleted)")
    client.expunge()
    assert client.append("INBOX", None, None, b"Subject: x\r\n\r\ny\r\n")[0] == "OK"
    client.logout()
    assert platform.json("quota", "show", full.domain)["used_messages"] == 1
    found = platform.json("quota", "verify")
    assert found["drift_bytes"] == 0 and found["findings"] == []


def test_mail_clients_see_their_quota(platform, tenant):
    platform.cli("quota", "set", tenant.owner, "--hard", "1M", "--hard-messages", "50")
    send(platform, tenant.owner, 5000)
    client = platform.imap(tenant.owner)
    assert "QUOTA" in client.capabilities and "QUOTA=RES-STORAGE" in client.capabilities
    status, (roots, quotas) = client.getquotaroot("INBOX")
    assert status == "OK" and roots == [b'"INBOX" ""']
    assert quotas[0].startswith(b'"" (STORAGE ') and quotas[0].endswith(b" 1024 MESSAGE 1 50)")
    status, [quota] = client.getquota('""')
    assert status == "OK" and quota == quotas[0]
    assert client.getquota("other")[0] == "NO" and client.getquotaroot("Nowhere")[0] == "NO"
    client.select("INBOX")
    client.store("1", "+FLAGS", r"(\Deleted)")
    [line] = client.status("INBOX", "(DELETED DELETED-STORAGE)")[1]
    assert b"DELETED 1 DELETED-STORAGE 5" in line
    client.logout()


@pytest.mark.one_machine("the interval is the process's own")
def test_owners_and_people_are_warned_once(start_platform):
    platform = start_platform(OONRUMAIL_QUOTA_NEWS_INTERVAL="1s", OONRUMAIL_QUOTA_AUDIT_INTERVAL="1s")
    near = Tenant(platform, "near.test")
    platform.cli("quota", "set", near.domain, "--hard", "40K")
    platform.cli("quota", "set", near.member, "--hard", "20K")
    send(platform, near.member, 16_800)
    wait_until(lambda: any(b"Your mailbox is 8" in mail for mail in platform.messages(near.member)))
    send(platform, near.owner, 17_500)
    wait_until(lambda: any(b"The mail of near.test is" in mail for mail in platform.messages(near.owner)))
    wait_until(lambda: platform.metric("oonrumail_quota_warnings_total") >= 2)
    wait_until(lambda: any(line.startswith("oonrumail_quota_drift_bytes 0") for line in platform._metrics(platform.ports["http"])))
    # Other rounds have passed by then; each step was told once.
    mail = [one for one in platform.messages(near.member) + platform.messages(near.owner) if b"Auto-Submitted: auto-generated" in one]
    subjects = [line for one in mail for line in one.split(b"\r\n") if line.startswith(b"Subject:")]
    assert len(subjects) == len(set(subjects)), subjects
    events = platform.http("GET", "/api/audit?action=quota.warning", token=near.token)[2]["events"]
    assert {event["subject"] for event in events} == {near.member, near.domain}
