"""What mail programs and the world's servers ask about a hosted domain, without signing in."""
import plistlib
import urllib.error
import urllib.request
import xml.etree.ElementTree as tree

import pytest

OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"


def ask(platform, path, host, body=None, headers=None):
    request = urllib.request.Request(
        f"http://127.0.0.1:{platform.ports['http']}{path}", data=body, headers={"Host": host, **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers["Content-Type"], answer.read()


def test_the_policy_is_served_to_senders(platform):
    status, kind, body = ask(platform, "/.well-known/mta-sts.txt", "mta-sts.example.test")
    assert status == 200 and kind.startswith("text/plain")
    assert dict(line.split(": ") for line in body.decode().split("\r\n") if line) == {
        "version": "STSv1", "mode": "testing", "mx": "mail.example.test", "max_age": "604800",
    }
    for host in ("mta-sts.nowhere.test", "example.test", "mta-sts.", "mta-sts.example.test.evil.test", "MTA-STS.[::1]"):
        assert ask(platform, "/.well-known/mta-sts.txt", host)[0] == 404
    assert ask(platform, "/.well-known/mta-sts.txt", "MTA-STS.Example.Test:443")[0] == 200


@pytest.mark.parametrize(
    "host, path",
    [
        ("autoconfig.example.test", "/mail/config-v1.1.xml?emailaddress=ann%40example.test"),
        ("example.test", "/.well-known/autoconfig/mail/config-v1.1.xml"),
    ],
)
def test_thunderbird_finds_the_servers(platform, host, path):
    status, kind, body = ask(platform, path, host)
    assert status == 200 and kind.startswith("text/xml")
    found = tree.fromstring(body)
    assert found.find("emailProvider").get("id") == "example.test"
    ports = {server.find("port").text for server in found.iter("incomingServer")}
    assert {server.find("hostname").text for server in found.iter("outgoingServer")} == {"mail.example.test"}
    assert ports and ask(platform, "/mail/config-v1.1.xml?emailaddress=a%40nowhere.test", host)[0] == 404


def test_outlook_finds_the_servers(platform):
    question = (
        '<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">'
        f"<Request><EMailAddress>nobody@example.test</EMailAddress><AcceptableResponseSchema>{OUTLOOK}</AcceptableResponseSchema>"
        "</Request></Autodiscover>"
    )
    headers = {"Content-Type": "text/xml"}
    status, _, body = ask(platform, "/autodiscover/autodiscover.xml", "autodiscover.example.test", question.encode(), headers)
    found = tree.fromstring(body)
    # That nobody is there is not told.
    assert status == 200 and [one.text for one in found.iter(f"{{{OUTLOOK}}}Type")] == ["IMAP", "SMTP"]
    status, _, body = ask(platform, "/Autodiscover/Autodiscover.xml", "example.test", b"<x/>", headers)
    assert status == 200 and b"<ErrorCode>600</ErrorCode>" in body
    assert ask(platform, "/autodiscover/autodiscover.xml", "example.test", b"x" * 3_000_000, headers)[0] == 413
    status, _, body = ask(platform, "/autodiscover/autodiscover.json?Email=a%40example.test&Protocol=AutodiscoverV1", "example.test")
    assert status == 200 and b'"Url":"https://autodiscover.example.test/autodiscover/autodiscover.xml"' in body


def test_a_telephone_gets_a_profile(platform):
    status, kind, body = ask(platform, "/mail/config.mobileconfig?emailaddress=ann%40example.test", "example.test")
    assert status == 200 and kind == "application/x-apple-aspen-config"
    account = plistlib.loads(body)["PayloadContent"][0]
    assert account["PayloadType"] == "com.apple.mail.managed" and account["EmailAddress"] == "ann@example.test"
    assert account["IncomingMailServerUseSSL"] and account["OutgoingMailServerHostName"] == "mail.example.test"
    assert ask(platform, "/mail/config.mobileconfig", "example.test")[0] == 400
