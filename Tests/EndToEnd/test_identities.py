"""With what addresses, names and signatures people write: what the list holds is what submission takes."""
import smtplib

import pytest

from platform_process import PASSWORD
from test_people import Company

LIST = "/api/users/me/identities"
COMPOSING = "/api/users/me/composing"
SUGGEST = COMPOSING + "/suggest"
DOMAIN = "write.test"
SIGNATURE = f"/api/domains/{DOMAIN}/signature"


@pytest.fixture(scope="module")
def company(platform):
    made = Company(platform, DOMAIN)
    for name in ("ann", "boss", "bob"):
        platform.add_account(f"{name}@{DOMAIN}")
        made.tokens[name] = made.login(f"{name}@{DOMAIN}")
    for domain in ("write-alias.test", "write-fair.test", "write-second.test"):
        platform.cli("domain", "add", domain, "--organisation", DOMAIN)
    platform.cli("domain", "alias", "write-alias.test", "--of", DOMAIN)
    platform.cli("alias", "add", f"info@{DOMAIN}", f"ann@{DOMAIN}")
    platform.cli("alias", "add", f"both@{DOMAIN}", f"ann@{DOMAIN}", f"bob@{DOMAIN}")
    platform.cli("grant", "add", "send-as", f"bob@{DOMAIN}", f"ann@{DOMAIN}")
    platform.cli("grant", "add", "send-on-behalf", f"boss@{DOMAIN}", f"ann@{DOMAIN}")
    number = platform.json("account", "show", f"ann@{DOMAIN}")["id"]
    status, body = made.ask("owner", "POST", f"/api/accounts/{number}/addresses", {"email": "Ann.Smith@write-second.test"})
    assert status == 201, body
    status, body = made.ask("owner", "PUT", f"/api/domains/write-fair.test/permissions/{number}", {"permissions": ["send-as"]})
    assert status == 200, body
    made.masked = made.ask("ann", "POST", "/api/users/me/masked-addresses", {"label": "shop"})[1]["address"]
    made.number = number
    return made


def get(company, path, who="ann"):
    status, body = company.ask(who, "GET", path)
    assert status == 200, body
    return body


def put(company, path, body, who="ann"):
    status, answer = company.ask(who, "PUT", path, body)
    assert status == 200, answer
    return answer


def one(company, address, who="ann"):
    return get(company, f"{LIST}/{address}", who)


def known(company, who="ann"):
    return {row["email"]: row for row in get(company, LIST + "?limit=500", who)["identities"]}


def sends(company, author, user=f"ann@{DOMAIN}"):
    """Whether submission takes the address as author: as the sender, or on behalf of it."""
    for envelope in (author, user):
        with company.platform.submission(user) as client:
            try:
                client.sendmail(envelope, ["bob@" + DOMAIN], f"From: {author}\r\nTo: bob@{DOMAIN}\r\nSubject: x\r\n\r\nx\r\n")
                return "send-as" if envelope == author else "send-on-behalf"
            except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError, smtplib.SMTPRecipientsRefused):
                continue
    return None


def test_the_list_is_what_submission_takes(company):
    rows = known(company)
    assert {email: row["kind"] for email, row in rows.items()} == {
        f"ann@{DOMAIN}": "own", "Ann.Smith@write-second.test": "own", f"info@{DOMAIN}": "alias", company.masked: "masked",
        "ann@write-alias.test": "domain_alias", "info@write-alias.test": "domain_alias",
        company.masked.replace(DOMAIN, "write-alias.test"): "masked",
        f"bob@{DOMAIN}": "granted", f"boss@{DOMAIN}": "granted", "*@write-fair.test": "domain",
    }
    assert [email for email, row in rows.items() if row["is_primary"]] == [f"ann@{DOMAIN}"] == [email for email, row in rows.items() if row["is_default"]]
    assert rows[f"boss@{DOMAIN}"]["owner"] == f"boss@{DOMAIN}"
    for email, row in rows.items():
        assert sends(company, email.replace("*", "anyone")) == row["use"], email
    for other in (f"both@{DOMAIN}", f"eve@{DOMAIN}", "bob@write-alias.test", f"bob+x@{DOMAIN}", "x@write-second.test"):
        assert sends(company, other) is None, other
        assert company.ask("ann", "GET", f"{LIST}/{other}")[0] == 404, other
    # A detail is of the address that it is added to, and lists name the address.
    assert sends(company, f"ann+news@{DOMAIN}") == one(company, f"ann+news@{DOMAIN}")["use"] == "send-as"
    assert company.ask("ann", "PUT", f"{LIST}/ann+news@{DOMAIN}", {"name": "x"})[0] in (409, 422)


def test_signatures_of_the_address_the_domain_and_the_person(company):
    mine = f"ann@{DOMAIN}"
    assert one(company, mine)["signature"] == {"text": "", "html": "", "level": "none"}
    put(company, COMPOSING, {"signature": {"text": "Ann\r\nflowers & more"}})
    assert one(company, mine)["signature"] == {"text": "Ann\nflowers & more", "html": "Ann<br>\r\nflowers &amp; more", "level": "person"}
    put(company, SIGNATURE, {"html": "<p onclick=\"x()\">{name}, {email}<script>x</script></p>"}, "owner")
    put(company, f"{LIST}/{mine}", {"name": "Ann <b>"})
    signature = one(company, mine)["signature"]
    assert signature == {"text": f"Ann <b>, {mine}", "html": f"<p>Ann &lt;b&gt;, {mine}</p>", "level": "domain"}
    # A domain that means another has the other's; another domain has none.
    assert one(company, "ann@write-alias.test")["signature"]["level"] == "domain"
    assert one(company, "Ann.Smith@write-second.test")["signature"]["level"] == "person"
    said = put(company, f"{LIST}/{mine}", {"reply_to": [f"info@{DOMAIN}"], "bcc": [mine], "signature": {"html": "<b>me</b>"}})
    assert said["signature"] == {"text": "me", "html": "<b>me</b>", "level": "address"} and said["reply_to"] == [f"info@{DOMAIN}"]
    assert said["settings"] == {"reply_to": [f"info@{DOMAIN}"], "bcc": [mine], "signature": {"html": "<b>me</b>"}}
    assert put(company, f"{LIST}/{mine}", {"signature": {"text": ""}})["signature"] == {"text": "", "html": "", "level": "address"}
    # Who gives out a masked address does not say who they are.
    masked = one(company, company.masked)
    assert masked["name"] == "" and masked["signature"]["level"] == "none"
    assert company.ask("ann", "DELETE", f"{LIST}/{mine}")[0] == 204
    assert company.ask("ann", "DELETE", f"{LIST}/{mine}")[0] == 404
    assert one(company, mine)["signature"]["level"] == "domain" and "settings" not in one(company, mine)
    assert company.ask("owner", "DELETE", SIGNATURE)[0] == 204
    assert one(company, mine)["signature"]["level"] == "person"
    put(company, COMPOSING, {})
    assert one(company, mine)["signature"]["level"] == "none"


def test_what_is_lent_is_written_as_its_owner_says(company):
    lent = f"bob@{DOMAIN}"
    put(company, f"{LIST}/{lent}", {"name": "The desk", "bcc": [lent], "signature": {"text": "At the desk"}}, "bob")
    row = one(company, lent)
    assert (row["name"], row["signature"]["text"], row["signature"]["level"], row["bcc"]) == ("The desk", "At the desk", "owner", [])
    put(company, f"{LIST}/{lent}", {"name": "Ann at the desk"})
    row = one(company, lent)
    assert (row["name"], row["signature"]["level"]) == ("Ann at the desk", "owner")
    # What one says oneself is one's own.
    assert one(company, lent, "bob")["name"] == "The desk"


def test_which_address_answers(company):
    def suggested(**given):
        status, body = company.ask("ann", "POST", SUGGEST, given)
        assert status == 200, body
        return body

    for to, email, reason in (
        (["who@elsewhere.test"], f"ann@{DOMAIN}", "default"), ([f"team@{DOMAIN}"], f"ann@{DOMAIN}", "domain"),
        (["list@elsewhere.test", "all@write-second.test"], "Ann.Smith@write-second.test", "domain"),
        ([f"bob@{DOMAIN}", f"INFO@{DOMAIN}"], f"info@{DOMAIN}", "address"), ([f"boss@{DOMAIN}"], f"ann@{DOMAIN}", "domain"),
        ([f"ann+news@{DOMAIN}"], f"ann+news@{DOMAIN}", "address"), (["stand@write-fair.test"], "stand@write-fair.test", "address"),
    ):
        body = suggested(written_to=to)
        assert (body["from"]["email"], body["reason"]) == (email, reason), to
    put(company, COMPOSING, {"default": "ann.smith@write-second.test"})
    assert suggested()["from"]["email"] == "Ann.Smith@write-second.test"
    assert get(company, COMPOSING) == {"default": "Ann.Smith@write-second.test"}
    recipients = [f"ann@{DOMAIN}", "x@write-second.test", f"bob@{DOMAIN}", "x@write-fair.test", "x@elsewhere.test", "x@example.test"]
    relations = [row["relation"] for row in suggested(recipients=recipients)["recipients"]]
    assert relations == ["self", "same_domain", "internal", "internal", "external", "external"]
    body = suggested(recipients=[f"bob@{DOMAIN}"], **{"from": f"info@{DOMAIN}"})
    assert body["recipients"] == [{"address": f"bob@{DOMAIN}", "relation": "same_domain"}] and "reason" not in body
    put(company, COMPOSING, {"default": None})
    assert get(company, COMPOSING)["default"] == f"ann@{DOMAIN}"


@pytest.mark.parametrize("method, path, body, status, pointer", [
    ("PUT", f"{LIST}/eve@{DOMAIN}", {"name": "Eve"}, 404, None),
    ("PUT", f"{LIST}/none", {"name": "Eve"}, 404, None),
    ("PUT", f"{LIST}/ann@{DOMAIN}", {"name": "Ann\r\nBcc: eve@elsewhere.test"}, 422, "#/name"),
    ("PUT", f"{LIST}/ann@{DOMAIN}", {"name": "x" * 300}, 422, "#/name"),
    ("PUT", f"{LIST}/ann@{DOMAIN}", {"reply_to": ["a@b.test", "a@b.test\r\nX: y"]}, 422, "#/reply_to/1"),
    ("PUT", f"{LIST}/ann@{DOMAIN}", {"bcc": ["a@b.test"] * 11}, 422, "#/bcc"),
    ("PUT", f"{LIST}/ann@{DOMAIN}", {"signature": {}}, 422, "#/signature/text"),
    ("PUT", f"{LIST}/ann@{DOMAIN}", {"signature": {"text": "a\u0000"}}, 422, "#/signature/text"),
    ("PUT", f"{LIST}/ann@{DOMAIN}", {"signature": {"text": "a", "html": "x" * 32_769}}, 422, "#/signature/html"),
    ("PUT", f"{LIST}/ann@{DOMAIN}", {"signature": {"html": "<svg onload=x()><p>a</p>"}}, 422, "#/signature/html"),
    ("PUT", f"{LIST}/ann@{DOMAIN}", {"signature": {"txt": "a"}}, 422, "#/signature/txt"),
    ("PUT", f"{LIST}/ann@{DOMAIN}", {"signatures": {"text": "a"}}, 422, "#/signatures"),
    ("PUT", COMPOSING, {"default": f"eve@{DOMAIN}"}, 422, "#/default"),
    ("PUT", COMPOSING, {"default": "*@write-fair.test"}, 422, "#/default"),
    ("PUT", COMPOSING, {"signature": {"text": "x" * 10_001}}, 422, "#/signature/text"),
    ("POST", SUGGEST, {"from": f"eve@{DOMAIN}"}, 422, "#/from"),
    ("POST", SUGGEST, {"written_to": ["a@b.test"] * 101}, 422, "#/written_to"),
    ("POST", SUGGEST, {"recipients": ["a@b.test", "none"]}, 422, "#/recipients/1"),
])
def test_what_cannot_be_is_told_by_its_member(company, method, path, body, status, pointer):
    answer = company.ask("ann", method, path, body)
    assert answer[0] == status, answer
    assert pointer is None or answer[1]["errors"][0]["pointer"] == pointer, answer
    assert "settings" not in one(company, f"ann@{DOMAIN}")


def test_a_domain_takes_the_words_that_it_knows(company):
    status, answer = company.ask("owner", "PUT", SIGNATURE, {"text": "{name} {phone}"})
    assert status == 422 and answer["errors"][0]["pointer"] == "#/text" and "{phone}" in answer["errors"][0]["detail"]
    assert company.ask("ann", "PUT", SIGNATURE, {"text": "mine"})[0] == 403
    assert company.ask("owner", "GET", SIGNATURE)[0] == 404
    assert company.ask("owner", "PUT", "/api/domains/example.test/signature", {"text": "x"})[0] == 404


def test_by_command(platform, company, tmp_path):
    ann, text = f"ann@{DOMAIN}", tmp_path / "signature.txt"
    text.write_text("By command\n")
    rows = platform.json("identity", "list", ann)
    assert {row["email"] for row in rows} == set(known(company))
    platform.cli("identity", "set", ann, ann, "--name", "Ann C.", "--reply-to", f"info@{DOMAIN}", "--text", str(text))
    assert platform.json("identity", "show", ann, ann)["name"] == "Ann C."
    row = one(company, ann)
    assert (row["name"], row["reply_to"], row["signature"]["text"]) == ("Ann C.", [f"info@{DOMAIN}"], "By command\n")
    platform.cli("identity", "forget", ann, ann)
    failed = platform.cli("identity", "set", ann, f"eve@{DOMAIN}", "--name", "Eve", check=False)
    assert failed.returncode == 3 and f"{ann} does not send with eve@{DOMAIN}" in failed.stderr
    failed = platform.cli("identity", "forget", ann, ann, check=False)
    assert failed.returncode == 3 and f"nothing was said of {ann}" in failed.stderr
    platform.cli("identity", "person", ann, "--default", f"info@{DOMAIN}", "--text", str(text))
    assert get(company, COMPOSING) == {"default": f"info@{DOMAIN}", "signature": {"text": "By command\n"}}
    platform.cli("identity", "person", ann, "--default", ann, "--without-signature")
    assert get(company, COMPOSING) == {"default": ann}
    platform.cli("identity", "domain", DOMAIN, "--text", str(text))
    assert one(company, ann)["signature"]["level"] == "domain"
    platform.cli("identity", "domain", DOMAIN, "--without-signature")
    assert one(company, ann)["signature"]["level"] == "none"


def test_as_many_as_may_be(platform, company):
    """What is out of use makes room; what is in use stays."""
    limit = int(next(row for row in platform.json("config", "list") if row["name"] == "OONRUMAIL_IDENTITIES")["value"])
    for number in range(limit - sum("settings" in row for row in known(company).values())):
        put(company, f"{LIST}/p{number}@write-fair.test", {"name": f"P{number}"})
    status, body = company.ask("ann", "PUT", f"{LIST}/more@write-fair.test", {"name": "More"})
    assert status in (409, 422) and str(limit) in body["detail"]
    assert company.ask("owner", "DELETE", f"/api/domains/write-fair.test/permissions/{company.number}")[0] == 204
    assert "p1@write-fair.test" not in known(company)
    put(company, f"{LIST}/ann@{DOMAIN}", {"name": "Ann"})
    assert company.ask("ann", "DELETE", f"{LIST}/ann@{DOMAIN}")[0] == 204
