"""Mailboxes that others may use, by rights: over IMAP, over HTTP, by the command line."""
import imaplib
import re
import urllib.parse

import pytest
from platform_process import PASSWORD, wait_until
from test_clients import files, synchronise

LETTER = b"From: ann@elsewhere.test\r\nSubject: tea\r\n\r\nAt four.\r\n"


class Session:
    """A raw conversation: whole answers, tags of its own."""

    def __init__(self, platform, user):
        self.client = platform.imap(user)
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.shutdown()

    def send(self, command, literal=None):
        self.count += 1
        tag = f"x{self.count}"
        line = f"{tag} {command}".encode()
        if literal is not None:
            line += f" {{{len(literal)}+}}\r\n".encode() + literal
        self.client.send(line + b"\r\n")
        return tag

    def line(self):
        line = self.client.readline().decode().rstrip("\r\n")
        if line.endswith("}"):
            size = int(line[line.rindex("{") + 1:-1])
            line += self.client.read(size).decode() + self.line()
        return line

    def run(self, command, literal=None):
        """The untagged lines, and the tagged one without its tag."""
        tag = self.send(command, literal)
        lines = []
        while True:
            line = self.line()
            if line.startswith(f"{tag} "):
                return lines, line[len(tag) + 1:]
            assert line, (command, lines)
            lines.append(line)

    def ok(self, command, literal=None):
        lines, end = self.run(command, literal)
        assert end.startswith("OK"), (command, end)
        return lines

    def no(self, command, literal=None):
        """The response code of a refusal."""
        _, end = self.run(command, literal)
        assert end.startswith("NO ["), (command, end)
        return end[4:end.index("]")]


class House:
    """Ann, who shares; Bob and Cy of her organisation; a stranger of another."""

    def __init__(self, platform, name):
        self.platform, self.name = platform, name
        platform.cli("domain", "add", f"{name}.test", "--organisation", f"{name} company")
        platform.cli("domain", "add", f"rival-{name}.test", "--organisation", f"{name} rival")
        self.ann, self.bob, self.cy = (platform.add_account(f"{who}@{name}.test") for who in ("ann", "bob", "cy"))
        self.stranger = platform.add_account(f"spy@rival-{name}.test")
        self.prefix = f"Other Users/{self.ann}"

    def session(self, user):
        return Session(self.platform, user)

    def token(self, user):
        return self.platform.http("POST", "/api/auth/login", {"email": user, "password": PASSWORD})[2]["access_token"]


@pytest.fixture(scope="module")
def house(platform):
    return House(platform, "sharing")


def test_what_is_shared_is_found_and_read_by_its_rights_only(house):
    with house.session(house.ann) as ann, house.session(house.bob) as bob, house.session(house.stranger) as spy:
        assert " ACL RIGHTS=kxte " in ann.ok("CAPABILITY")[0] + " "
        assert bob.ok("NAMESPACE") == ['* NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared/" "/"))']
        ann.ok("CREATE Team")
        ann.ok("CREATE Team/Secret")
        ann.ok("APPEND Team (\\Flagged)", LETTER)
        work = f'"{house.prefix}/Team"'
        assert bob.ok('LIST "" "Other Users/%"') == []
        # A guess is answered as what is not there, whether it is there or not.
        for name in (work, f'"{house.prefix}/None"', f'"{house.prefix}/INBOX"', f'"{house.prefix}"', '"Other Users/no@x.test/INBOX"'):
            for command in (f"SELECT {name}", f"EXAMINE {name}", f"STATUS {name} (MESSAGES)", f"DELETE {name}", f"MYRIGHTS {name}",
                            f"GETACL {name}", f"GETQUOTAROOT {name}", f"RENAME {name} mine", f"SETACL {name} {house.bob} l"):
                assert bob.no(command) == "NONEXISTENT", command
            assert bob.no(f"APPEND {name}", LETTER) == "TRYCREATE"
        ann.ok(f"SETACL Team {house.bob} lr")
        assert ann.ok("GETACL Team") == [f'* ACL "Team" "{house.ann}" lrswipkxteacd "{house.bob}" lr']
        assert ann.ok(f"LISTRIGHTS Team {house.bob}") == [f'* LISTRIGHTS "Team" "{house.bob}" "" l r s w i p k x t e a c d']
        assert ann.ok(f"LISTRIGHTS Team {house.ann}") == [f'* LISTRIGHTS "Team" "{house.ann}" lrswipkxteacd']
        # As mail programs look for it.
        assert '* LIST (\\Noselect \\HasChildren) "/" "Other Users"' in bob.ok('LIST "" "%"')
        assert bob.ok('LIST "" "Other Users/%"') == [f'* LIST (\\Noselect \\HasChildren) "/" "{house.prefix}"']
        assert bob.ok(f'LIST "" "{house.prefix}/*" RETURN (STATUS (MESSAGES UNSEEN) MYRIGHTS)') == [
            f'* LIST (\\HasNoChildren) "/" {work}', f"* MYRIGHTS {work} lr", f"* STATUS {work} (MESSAGES 1 UNSEEN 1)",
        ]
        assert not any("Secret" in line for line in bob.ok('LIST "" "*"'))
        bob.ok(f"SUBSCRIBE {work}")
        assert bob.ok('LSUB "" "Other*"') == [f'* LSUB () "/" {work}']
        assert ann.ok('LSUB "" "Other*"') == []
        lines, end = bob.run(f"SELECT {work}")
        assert "[READ-ONLY]" in end and any("PERMANENTFLAGS ()" in line for line in lines)
        assert any(LETTER.decode() in line for line in bob.ok("FETCH 1 (BODY[])"))
        # To read it marks nothing: that is a right of its own.
        assert bob.ok("FETCH 1 (FLAGS)") == ["* 1 FETCH (FLAGS (\\Flagged))"]
        assert bob.ok("SEARCH TEXT four") == ["* SEARCH 1"]
        for command in ("STORE 1 +FLAGS (\\Seen)", "STORE 1 FLAGS ()", "EXPUNGE", "MOVE 1 INBOX", f"DELETE {work}",
                        f'CREATE "{house.prefix}/Team/New"', f"GETACL {work}", f"SETACL {work} {house.bob} a"):
            assert bob.no(command) == "NOPERM", command
        assert bob.no(f"APPEND {work}", LETTER) == "NOPERM"
        bob.ok("COPY 1 INBOX")
        assert bob.ok("STATUS INBOX (MESSAGES)") == ['* STATUS "INBOX" (MESSAGES 1)']
        assert spy.no(f"SELECT {work}") == "NONEXISTENT" and spy.ok('LIST "" "Other Users/*"') == []
        assert ann.no(f"SETACL Team {house.stranger} lr") == ann.no("SETACL Team no@x.test lr") == "CANNOT"
        assert ann.no(f"SETACL Team {house.ann} l") == ann.no("SETACL Team anyone l") == "CANNOT"
        assert ann.run(f"SETACL Team {house.bob} lrZ")[1].startswith("BAD")


def test_two_work_in_one_mailbox_at_once(house):
    work = f'"{house.prefix}/Desk"'
    with house.session(house.ann) as ann, house.session(house.bob) as bob:
        ann.ok("CREATE Desk")
        ann.ok(f"SETACL Desk {house.bob} lrswite")
        assert "[READ-WRITE]" in bob.run(f"SELECT {work}")[1]
        ann.ok("SELECT Desk")
        tag = bob.send("IDLE")
        assert bob.line().startswith("+")
        ann.ok("APPEND Desk", LETTER)
        assert bob.line() == "* 1 EXISTS" and bob.line() == "* 0 RECENT"
        ann.ok("STORE 1 +FLAGS (\\Answered $Ann)")
        assert bob.line() == "* 1 FETCH (FLAGS (\\Answered $Ann) UID 1)"
        bob.client.send(b"DONE\r\n")
        assert bob.line().startswith(f"{tag} OK")
        tag = ann.send("IDLE")
        assert ann.line().startswith("+")
        bob.ok("STORE 1 +FLAGS (\\Seen)")
        assert ann.line() == "* 1 FETCH (FLAGS (\\Answered \\Seen $Ann) UID 1)"
        bob.ok(f"APPEND {work} (\\Draft)", LETTER)
        assert ann.line() == "* 2 EXISTS"
        ann.line()
        bob.ok("MOVE 1 INBOX")
        assert ann.line() == "* 1 EXPUNGE"
        ann.client.send(b"DONE\r\n")
        assert ann.line().startswith(f"{tag} OK")
        # What came from Bob counts for Ann: hers is the mailbox.
        root = ann.ok("GETQUOTAROOT Desk")[0]
        assert root == '* QUOTAROOT "Desk" ""'
        assert bob.ok(f"GETQUOTAROOT {work}")[0] == f'* QUOTAROOT {work} "{house.prefix}"'
        assert bob.ok(f'GETQUOTA "{house.prefix}"')[0].startswith(f'* QUOTA "{house.prefix}" (')
        assert bob.no(f'GETQUOTA "Other Users/{house.cy}"') == "NONEXISTENT"
        # From one's own to another's, with what its rights keep.
        ann.ok(f"SETACL Desk {house.bob} lri")
        bob.ok("SELECT INBOX")
        bob.ok("STORE 1:* +FLAGS (\\Seen $Mine)")
        count = len(ann.ok("SEARCH ALL")[0].split()) - 2
        bob.ok(f"COPY 1 {work}")
        wait_until(lambda: len(ann.ok("SEARCH ALL")[-1].split()) - 2 > count)
        assert ann.ok("UID FETCH * (FLAGS)")[-1].startswith(f"* {count + 1} FETCH (UID ")
        assert "FLAGS ()" in ann.ok("UID FETCH * (FLAGS)")[-1]


def test_who_loses_the_right_to_read_is_out_at_once(house):
    work = f'"{house.prefix}/Leaving"'
    with house.session(house.ann) as ann, house.session(house.bob) as idle, house.session(house.bob) as busy:
        ann.ok("CREATE Leaving")
        ann.ok("APPEND Leaving", LETTER)
        ann.ok(f"SETACL Leaving {house.bob} lrswite")
        for session in (idle, busy):
            session.ok(f"SELECT {work}")
        idle.send("IDLE")
        assert idle.line().startswith("+")
        ann.ok(f"SETACL Leaving {house.bob} -swite")
        assert busy.no("STORE 1 +FLAGS (\\Seen)") == "NOPERM"
        busy.ok("FETCH 1 (UID)")
        ann.ok(f"DELETEACL Leaving {house.bob}")
        assert idle.line().startswith("* BYE")
        tag = busy.send("FETCH 1 (BODY.PEEK[])")
        said = []
        while line := busy.line():
            said.append(line)
        assert any(line.startswith("* BYE") for line in said) and not any("At four" in line for line in said), (tag, said)
    with house.session(house.bob) as bob:
        assert bob.no(f"SELECT {work}") == "NONEXISTENT"


def test_rights_by_command_end_sessions_of_the_server(house):
    with house.session(house.ann) as ann, house.session(house.bob) as bob:
        ann.ok("CREATE Office")
        name = f'"{house.prefix}/Office"'
        house.platform.cli("mailbox", "share", house.ann, house.bob, "--mailbox", "Office", "--rights", "lrs")
        house.platform.cli("mailbox", "share", house.ann, house.bob, "--mailbox", "Office", "--rights", "+t")
        assert house.platform.json("mailbox", "rights", house.ann, "--mailbox", "Office") == [
            {"mailbox": "Office", "identifier": house.ann, "rights": "lrswipkxtea"},
            {"mailbox": "Office", "identifier": house.bob, "rights": "lrst"},
        ]
        bob.ok(f"SELECT {name}")
        bob.send("IDLE")
        assert bob.line().startswith("+")
        house.platform.cli("mailbox", "unshare", house.ann, house.bob, "--mailbox", "Office")
        assert bob.line().startswith("* BYE")
    refused = house.platform.cli("mailbox", "share", house.ann, house.stranger, check=False)
    assert refused.returncode != 0 and "no account of the organisation" in refused.stderr


def test_a_team_works_in_an_account_that_nobody_signs_in_to(house):
    platform = house.platform
    boss = f"boss@{house.name}.test"
    platform.cli("account", "add", boss, "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
    manager, member = house.token(boss), house.token(house.bob)
    team = {"email": f"support@{house.name}.test", "display_name": "Support"}
    assert platform.http("POST", "/api/shared-accounts", team, member)[0] == 403
    assert platform.http("POST", "/api/shared-accounts", team, house.token(house.stranger))[0] == 403
    status, _, made = platform.http("POST", "/api/shared-accounts", team, manager)
    assert status == 201 and made["email"] == team["email"]
    assert platform.json("account", "show", team["email"])["display_name"] == "Support"
    assert platform.http("POST", "/api/shared-accounts", team, manager)[0] == 409
    assert platform.http("POST", "/api/shared-accounts", {"email": f"x@rival-{house.name}.test"}, manager)[0] == 422
    assert [one["id"] for one in platform.http("GET", "/api/shared-accounts", token=manager)[2]["shared_accounts"]] == [made["id"]]
    # No password that is set for it opens it.
    platform.http("PUT", f"/api/accounts/{made['id']}/password", {"new_password": PASSWORD}, manager)
    assert platform.http("POST", "/api/auth/login", {"email": team["email"], "password": PASSWORD})[0] == 401
    with pytest.raises(imaplib.IMAP4.error):
        platform.imap(team["email"])
    mailboxes = platform.http("GET", f"/api/accounts/{made['id']}/mailboxes", token=manager)[2]["mailboxes"]
    inbox = next(one["id"] for one in mailboxes if one["name"] == "INBOX")
    rights = f"/api/accounts/{made['id']}/mailboxes/{inbox}/rights"
    bob = f"{rights}/{urllib.parse.quote(house.bob)}"
    for token in (member, house.token(house.stranger)):
        assert platform.http("GET", f"/api/accounts/{made['id']}/mailboxes", token=token)[0] == 404
        assert platform.http("GET", rights, token=token)[0] == 404
        assert platform.http("PUT", bob, {"rights": "lr"}, token)[0] == 404
    assert platform.http("GET", bob, token=manager)[0] == 404
    assert platform.http("PUT", bob, {"rights": "lrQ"}, manager)[0] == 422
    assert platform.http("PUT", f"{rights}/{house.stranger}", {"rights": "lr"}, manager)[0] == 404
    assert platform.http("PUT", f"{rights}/anyone", {"rights": "lr"}, manager)[0] == 422
    assert platform.http("PUT", bob, {"rights": "lrswikte"}, manager)[2] == {
        "identifier": house.bob, "rights": "lrswikte", "is_owner": False,
    }
    # Bob may not give what he has.
    assert platform.http("PUT", f"{rights}/{house.cy}", {"rights": "lr"}, member)[0] == 403
    assert [one["identifier"] for one in platform.http("GET", rights, token=manager)[2]["rights"]] == [house.bob, team["email"]]
    shared = platform.http("GET", "/api/users/me/shared-mailboxes", token=member)[2]["mailboxes"]
    assert [(one["name"], one["rights"]) for one in shared if one["is_shared_account"]] == [
        (f"Shared/{team['email']}/INBOX", "lrswikte")
    ]
    with platform.smtp() as client:
        client.sendmail("ann@elsewhere.test", [team["email"]], LETTER)
    with house.session(house.bob) as session:
        name = f"Shared/{team['email']}"
        assert session.no(f'SELECT "Other Users/{team["email"]}/INBOX"') == "NONEXISTENT"
        wait_until(lambda: "(MESSAGES 1)" in session.ok(f'STATUS "{name}/INBOX" (MESSAGES)')[0])
        session.ok(f'CREATE "{name}/Done"')
        session.ok(f'SELECT "{name}/INBOX"')
        session.ok(f'MOVE 1 "{name}/Done"')
        assert session.ok(f'STATUS "{name}/Done" (MESSAGES)') == [f'* STATUS "{name}/Done" (MESSAGES 1)']
    assert platform.http("DELETE", bob, token=manager)[0] == 204
    assert platform.http("DELETE", bob, token=manager)[0] == 404
    audit = platform.http("GET", "/api/audit?action=mailbox.rights&limit=2", token=manager)[2]
    assert '"before"' in str(audit).replace("'", '"') and house.bob in str(audit)


def test_names_are_those_of_now(house):
    """Suspended owners' mailboxes wait, and numbers of one account say nothing in another."""
    with house.session(house.cy) as cy, house.session(house.bob) as bob:
        cy.ok(f"SETACL INBOX {house.bob} lrs")
        name = f'"Other Users/{house.cy}/INBOX"'
        bob.ok(f"STATUS {name} (MESSAGES)")
        house.platform.cli("account", "suspend", house.cy)
        assert bob.no(f"STATUS {name} (MESSAGES)") == "NONEXISTENT"
        house.platform.cli("account", "activate", house.cy)
        bob.ok(f"STATUS {name} (MESSAGES)")
        # The letters of one mailbox are not reached from another by their identifiers.
        with house.session(house.cy) as again:
            again.ok("APPEND INBOX", LETTER)
            again.ok("CREATE Hidden")
            again.ok("APPEND Hidden", b"Subject: hidden\r\n\r\nnothing to see\r\n")
            again.ok("SELECT Hidden")
            hidden = re.search(r"EMAILID \((\w+)\)", again.ok("FETCH 1 (EMAILID)")[0])[1]
        bob.ok(f"SELECT {name}")
        assert bob.ok(f"SEARCH EMAILID {hidden}") == ["* SEARCH"]
        assert bob.ok("UID FETCH 1:* (EMAILID)") and "hidden" not in str(bob.ok("UID FETCH 1:* (BODY.PEEK[])"))


def test_mbsync_keeps_a_shared_mailbox(house, tmp_path):
    user = house.platform.add_account(f"sync@{house.name}.test")
    with house.session(house.ann) as ann:
        ann.ok("CREATE Synced")
        ann.ok("APPEND Synced", LETTER)
        ann.ok(f"SETACL Synced {user} lrswite")
        mail = synchronise(house.platform, tmp_path, user)
        folder = mail / "Other Users" / house.ann / "Synced"
        assert len(files(folder)) == 1
        first = files(folder)[0]
        first.rename(folder / "cur" / (first.name.split(":")[0] + ":2,FS"))
        (folder / "new/2.local").write_bytes(b"From: me@sharing.test\nSubject: mine\n\nwritten here\n")
        synchronise(house.platform, tmp_path, user)
        ann.ok("SELECT Synced")
        assert sorted(line.split("FLAGS ")[1] for line in ann.ok("FETCH 1:* (FLAGS)")) == ["())", "(\\Flagged \\Seen))"]
