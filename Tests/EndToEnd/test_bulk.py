"""Accounts, aliases and lists of a domain as CSV: tried, imported, exported, and back again."""
import csv
import io
import json
import re
import urllib.error
import urllib.request

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from platform_process import PASSWORD, wait_until
from test_people import Company

DOMAIN = "bulk.test"
FORMULA = "=+-@\t\r"


@pytest.fixture(scope="module")
def company(platform):
    made = Company(platform, DOMAIN)
    platform.add_account("contact@bulk-contacts.test")
    return made


def table(company, method, path, text=None, role="owner", media="text/csv", headers=None):
    """Status, headers and body of a request for a table."""
    platform = company.platform
    data = text.encode() if isinstance(text, str) else text
    request = urllib.request.Request(f"http://127.0.0.1:{platform.ports['http']}{path}", data=data, method=method, headers=headers or {})
    request.add_header("Authorization", f"Bearer {company.tokens[role]}")
    if data is not None:
        request.add_header("Content-Type", media)
    try:
        answer = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        content = answer.read()
        return answer.status, answer.headers, json.loads(content) if "json" in answer.headers["Content-Type"] else content.decode()


def put(company, kind, text, query="", **more):
    status, _, body = table(company, "POST", f"/api/domains/{company.domain}/import?kind={kind}{query}", text, **more)
    return status, body


def get(company, kind, query="", **more):
    status, headers, body = table(company, "GET", f"/api/domains/{company.domain}/export?kind={kind}{query}", **more)
    assert status == 200, body
    return body


def written(header, rows):
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue()


def addresses(company):
    return {one["email"] for one in company.ask("owner", "GET", f"/api/domains/{company.domain}/accounts?limit=500")[1]["accounts"]}


def test_a_dry_run_says_everything_and_changes_nothing(company):
    before = addresses(company)
    text = written(
        ["display_name", "address", "quota_bytes", "state", "contact"],
        [
            ["Néw, \"one\"", "new@bulk.test", "1000", "", "contact@bulk-contacts.test"], ["Member", "member@bulk.test", "2000", "active", ""],
            ["", "far@other.test", "", "", ""], ["", "new2@bulk.test", "much", "", ""], ["", "NEW@bulk.test", "", "", ""],
            ["", "owner@bulk.test", "", "suspended", ""],
        ],
    )
    status, report = put(company, "accounts", text, "&dry_run=true")
    assert status == 200 and report["dry_run"] is True, report
    assert [(row["line"], row["outcome"], row.get("column")) for row in report["rows"]] == [
        (2, "created", None), (3, "changed", None), (4, "refused", "address"), (5, "refused", "quota_bytes"), (6, "refused", "address"),
        (7, "refused", "state"),
    ]
    assert (report["created"], report["changed"], report["unchanged"], report["refused"]) == (1, 1, 0, 4)
    status, problem = put(company, "accounts", text)
    assert status == 422 and [one["pointer"] for one in problem["errors"]] == [
        "#/4/address", "#/5/quota_bytes", "#/6/address", "#/7/state",
    ]
    assert addresses(company) == before and "2000" not in get(company, "accounts")
    assert company.ask("owner", "GET", "/api/audit?action=domain.import")[1]["events"] == []
    assert company.platform.messages("contact@bulk-contacts.test") == []


def test_accounts_are_made_and_invited(company):
    text = "\ufeff" + written(
        ["address", "display_name", "quota_bytes", "language", "time_zone", "state", "contact"],
        [
            ["ina@bulk.test", "Ina \"the\" first", "5000000", "pt-br", "Europe/Lisbon", "", "contact@bulk-contacts.test"],
            ["quiet@bulk.test", "", "", "", "", "", ""], ["shut@bulk.test", "", "", "", "", "suspended", ""],
        ],
    )
    status, report = put(company, "accounts", text)
    assert status == 200 and report["created"] == 3 and report["rows"][0]["invited"] is True, report
    # Mail comes to it from now on; nobody knows its password.
    with company.platform.smtp() as smtp:
        smtp.sendmail("a@elsewhere.test", ["ina@bulk.test"], "Subject: early\r\n\r\nx\r\n")
        smtp.ehlo("client.test")
        smtp.mail("a@elsewhere.test")
        assert smtp.rcpt("shut@bulk.test")[0] == 550
    wait_until(lambda: len(company.platform.messages("contact@bulk-contacts.test")) == 1)
    letter = company.platform.messages("contact@bulk-contacts.test")[0]
    assert b"Your mailbox ina@bulk.test" in letter
    token = re.search(rb"^[A-Za-z0-9_-]{43}\r?$", letter, re.M)[0].decode().strip()
    accept = {"token": token, "password": PASSWORD}
    status, _, made = company.platform.http("POST", "/api/auth/invitations/accept", accept)
    assert status == 201 and made["email"] == "ina@bulk.test", made
    assert company.platform.http("POST", "/api/auth/invitations/accept", accept)[0] == 422
    assert company.login("ina@bulk.test") and company.login("quiet@bulk.test") is None
    assert len(company.platform.messages("ina@bulk.test")) == 1
    assert company.platform.json("account", "profile", "ina@bulk.test")["language"] == "pt-BR"
    # The same once more: nothing is to do, nobody is invited again.
    status, report = put(company, "accounts", text)
    assert (status, report["unchanged"]) == (200, 3) and "invited" not in report["rows"][0]
    events = company.ask("owner", "GET", "/api/audit?limit=100")[1]["events"]
    assert {("account.add", "ina@bulk.test"), ("invitation.add", "ina@bulk.test"), ("domain.import", DOMAIN)} <= {
        (one["action"], one["subject"]) for one in events
    }
    assert all(token not in json.dumps(one) for one in events)
    assert all(token not in log.read_text(errors="replace") for log in company.platform.logs)


def test_rows_that_are_good_are_taken_where_that_is_asked(company):
    text = "address,targets\ngood@bulk.test,ann@out.test\nmember@bulk.test,ann@out.test\n"
    status, problem = put(company, "aliases", text)
    assert status == 422 and problem["errors"][0]["pointer"] == "#/3/address" and "taken" in problem["errors"][0]["detail"]
    status, report = put(company, "aliases", text, "&partial=true")
    assert (status, report["created"], report["refused"]) == (200, 1, 1)
    assert company.ask("owner", "GET", f"/api/domains/{DOMAIN}/aliases/good@bulk.test")[1]["targets"] == ["ann@out.test"]
    loop = "address,targets\nl1@bulk.test,l2@bulk.test\nl2@bulk.test,l1@bulk.test\n"
    status, problem = put(company, "aliases", loop)
    assert status == 422 and problem["errors"][0]["pointer"] == "#/3/targets", problem


def test_lists_come_with_their_members(company):
    text = written(
        ["address", "name", "posting", "maximum_size", "owners", "members", "senders"],
        [["crew@bulk.test", "@Crew", "named", "4096", "owner@bulk.test", "member@bulk.test; x@out.test\ny@out.test", "x@out.test"]],
    )
    assert put(company, "lists", text)[1]["created"] == 1
    shown = company.ask("owner", "GET", f"/api/domains/{DOMAIN}/lists/crew@bulk.test")[1]
    assert (shown["name"], shown["posting"], shown["owners"], shown["senders"]) == ("@Crew", "named", ["owner@bulk.test"], ["x@out.test"])
    assert get(company, "lists").splitlines()[1] == (
        "crew@bulk.test,'@Crew,named,4096,owner@bulk.test,member@bulk.test x@out.test y@out.test,x@out.test"
    )
    assert put(company, "lists", get(company, "lists"))[1]["unchanged"] == 1
    status, report = put(company, "lists", "members,address\nx@out.test,crew@bulk.test\n")
    assert (status, report["changed"]) == (200, 1)
    members = company.ask("owner", "GET", f"/api/domains/{DOMAIN}/lists/crew@bulk.test/members")[1]["members"]
    assert members == ["x@out.test"]


def test_tables_that_are_none_are_refused(company):
    for text, words in [
        ("address,password\na@bulk.test,x\n", "password"), ("address\n\"a@bulk.test\n", "line 2"), ("", "header"), ("state\n", "address is missing"),
        ("address\nx\"y\n", "line 2"), (b"address\n\xff\xfe\n", "UTF-8"), (b"address\na\0b\n", "NUL"), ("address,state\na@bulk.test\n", "cells"),
        ("address\n" + "a@bulk.test\n" * 1_001, "1000 rows"),
    ]:
        status, problem = put(company, "accounts", text)
        assert status == 422 and words.lower() in problem["detail"].lower(), (text[:40], problem)
    assert put(company, "accounts", "address\n", media="application/json")[0] == 415
    assert put(company, "masked", "address\n")[0] == 400 and put(company, "", "address\n")[0] == 400
    assert put(company, "accounts", "address\n", "&dry_run=yes")[0] == 400
    assert put(company, "accounts", b"address\n" + b"x" * (1 << 20))[0] == 413


def test_others_do_not_see_or_change_it(platform, company):
    stranger = Company(platform, "bulk-stranger.test")
    stranger.domain = DOMAIN
    for role, code in [("owner", 404), ("admin", 404), ("member", 403)]:
        assert put(stranger, "accounts", "address\nx@bulk.test\n", role=role)[0] == code
        assert table(stranger, "GET", f"/api/domains/{DOMAIN}/export?kind=accounts", role=role)[0] == code
    assert put(company, "accounts", "address\nx@bulk.test\n", role="member")[0] == 403
    status, problem = put(company, "accounts", "address,display_name\nowner@bulk.test,x\n", role="admin")
    assert status == 422 and "above yours" in problem["errors"][0]["detail"]
    assert platform.http("GET", f"/api/domains/{DOMAIN}/export?kind=accounts")[0] == 401
    assert "x@bulk.test" not in addresses(company)


names = strategies.text(
    strategies.one_of(strategies.sampled_from(FORMULA.strip() + "',\"; \u0301\ufeff😀"), strategies.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    max_size=12,
)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(strategies.lists(strategies.tuples(names, strategies.one_of(strategies.none(), strategies.integers(0, 2**53 - 1))), min_size=1, max_size=8))
def test_what_is_exported_and_imported_changes_nothing(company, rows):
    locals_ = ["=a", "+b", "-c", "'d", "e", "f", "g", "h"]
    # As a program writes it that knows nothing of spreadsheets.
    text = written(
        ["address", "display_name", "quota_bytes"],
        [[f"{local}@bulk.test", name, "" if quota is None else quota] for local, (name, quota) in zip(locals_, rows)],
    )
    known = [name for name, _ in rows if not re.match("'+[=+@-]", name)]
    assert put(company, "accounts", text)[0] == 200
    exported = get(company, "accounts")
    cells = [cell for row in csv.reader(io.StringIO(exported)) for cell in row]
    assert not any(cell[:1] in FORMULA for cell in cells if cell)
    stored = {one["email"]: one["display_name"] for one in company.ask("owner", "GET", f"/api/domains/{DOMAIN}/accounts?limit=500")[1]["accounts"]}
    for local, (name, _) in zip(locals_, rows):
        assert name not in known or stored[f"{local}@bulk.test"] == name
    status, report = put(company, "accounts", exported)
    assert status == 200 and report["unchanged"] == len(report["rows"]) > 3, report
    assert get(company, "accounts") == exported
    assert put(company, "aliases", get(company, "aliases"))[1]["changed"] == 0


def test_an_export_goes_on_page_by_page(company):
    whole, path, pages = get(company, "accounts").splitlines(), f"/api/domains/{DOMAIN}/export?kind=accounts&limit=2", []
    while path:
        status, headers, body = table(company, "GET", path)
        assert status == 200 and headers["Content-Type"] == "text/csv; charset=utf-8" and "attachment" in headers["Content-Disposition"]
        pages += body.splitlines()[1:]
        link = re.match(r'<(.*)>; rel="next"', headers.get("Link") or "")
        path = link and link[1]
    assert pages == whole[1:]
    assert table(company, "GET", f"/api/domains/{DOMAIN}/export?kind=accounts&limit=0")[0] == 400


def test_masked_addresses_are_exported_without_what_their_owners_noted(company):
    made = company.ask("member", "POST", "/api/users/me/masked-addresses", {"label": "private note", "site": "shop"})[1]
    exported = get(company, "masked")
    assert f"{made['address']},member@bulk.test,enabled" in exported and "private" not in exported


def test_the_command_line_does_the_same(platform, company, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("address,display_name\ncli@bulk.test,'=Cli\nbad@other.test,\n")
    failed = platform.cli("domain", "import", DOMAIN, str(file), "--kind", "accounts", check=False)
    assert failed.returncode == 1 and "nothing was changed" in failed.stdout and "bad@other.test" in failed.stdout
    file.write_text("address,display_name\ncli@bulk.test,'=Cli\n")
    tried = platform.cli("domain", "import", DOMAIN, str(file), "--kind", "accounts", "--dry-run")
    assert "1 created" in tried.stdout and "dry run" in tried.stdout and "cli@bulk.test" not in addresses(company)
    assert "1 created" in platform.cli("domain", "import", DOMAIN, str(file), "--kind", "accounts").stdout
    exported = platform.cli("domain", "export", DOMAIN, "--kind", "accounts").stdout
    assert "cli@bulk.test,'=Cli," in exported
    again = platform.cli("domain", "import", DOMAIN, "-", "--kind", "accounts", stdin=exported)
    assert "0 created, 0 changed" in again.stdout
    unknown = platform.cli("domain", "import", DOMAIN, "-", "--kind", "accounts", stdin="address,secret\n", check=False)
    assert unknown.returncode == 1 and "\"secret\" is not known" in unknown.stderr


def test_bounds_are_settings(start_platform):
    place = start_platform(OONRUMAIL_IMPORT_MAX_ROWS="2", OONRUMAIL_IMPORT_MAX_OCTETS="1K", OONRUMAIL_INVITATIONS_OPEN="1")
    small = Company(place, "small.test")
    assert put(small, "accounts", "address\na@small.test\nb@small.test\n")[0] == 200
    status, problem = put(small, "accounts", "address\nc@small.test\nd@small.test\ne@small.test\n")
    assert status == 422 and "2 rows" in problem["detail"]
    assert put(small, "accounts", "address\n" + "x" * 1_100)[0] == 413
    status, problem = put(small, "accounts", "address,contact\nc@small.test,c@out.test\nd@small.test,d@out.test\n")
    assert status == 429, problem
    assert "c@small.test" not in addresses(small)
