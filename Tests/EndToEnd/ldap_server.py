"""A real slapd on loopback with a configuration, certificates and people of its own."""
import hashlib
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from platform_process import free_port, wait_until

BASE = "dc=people,dc=test"
READER = f"cn=reader,{BASE}"
# `#` and umlauts: nothing of a secret is taken for something else.
SECRET = "reader sécret #1"


def certificates(folder):
    """An authority, and a certificate of it for 127.0.0.1."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj",
            "/CN=Test directory authority", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=directory.test")
    (folder / "server.ext").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.pem", "-days",
            "2", "-extfile", "server.ext")


class LDAPServer:
    """`ldaps` and `ldap` with StartTLS; people are added and changed as an administrator does."""

    ROOT = f"cn=root,{BASE}"

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="oonrumail-ldap-"))
        certificates(self.folder)
        self.ports = {"ldap": free_port(), "ldaps": free_port()}
        (self.folder / "db").mkdir()
        (self.folder / "slapd.conf").write_text(f"""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {self.folder}/ca.pem
TLSCertificateFile {self.folder}/server.pem
TLSCertificateKeyFile {self.folder}/server.key
TLSVerifyClient never
pidfile {self.folder}/pid
sizelimit 1000
database mdb
suffix "{BASE}"
rootdn "{self.ROOT}"
rootpw root
directory {self.folder}/db
index objectClass,mail,uid eq
limits dn.exact="{READER}" size.soft=1000 size.hard=1000 size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{READER}" read by * none
""")
        self.process = None
        self.start()
        self.add(BASE, objectClass=["dcObject", "organization"], o="People", dc="people")
        self.add(READER, objectClass=["person"], cn="reader", sn="reader", userPassword=SECRET)

    def url(self, scheme="ldaps"):
        return f"{scheme}://127.0.0.1:{self.ports[scheme]}"

    def start(self):
        urls = " ".join(self.url(scheme) for scheme in self.ports)
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            ["/usr/sbin/slapd", "-d", "stats", "-f", self.folder / "slapd.conf", "-h", urls], stdout=log, stderr=log,
        )
        wait_until(self._is_up, seconds=20)

    def _is_up(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            socket.create_connection(("127.0.0.1", self.ports["ldap"]), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
        self.process = None

    def end(self):
        self.stop()
        shutil.rmtree(self.folder)

    @property
    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    # Administration

    def _run(self, program, text):
        subprocess.run(
            [program, "-x", "-H", self.url("ldap"), "-D", self.ROOT, "-w", "root"], input=text, text=True, check=True,
            capture_output=True,
        )

    def add(self, name, **attributes):
        lines = [f"dn: {name}"]
        for attribute, values in attributes.items():
            for value in values if isinstance(values, list) else [values]:
                lines.append(f"{attribute}: {value}")
        self._run("ldapadd", "\n".join(lines) + "\n")

    def person(self, uid, domain, password, **attributes):
        name = f"uid={uid},{BASE}"
        given = {"objectClass": ["inetOrgPerson"], "cn": uid, "sn": uid, "mail": f"{uid}@{domain}", "userPassword": password}
        self.add(name, **{**given, **attributes})
        return name

    def change(self, name, **attributes):
        """Replaces attributes; an empty list takes one away."""
        lines = [f"dn: {name}", "changetype: modify"]
        for attribute, values in attributes.items():
            lines.append(f"replace: {attribute}")
            for value in values if isinstance(values, list) else [values]:
                lines.append(f"{attribute}: {value}")
            lines.append("-")
        self._run("ldapmodify", "\n".join(lines) + "\n")

    def remove(self, name):
        self._run("ldapmodify", f"dn: {name}\nchangetype: delete\n")

    def binds(self, name):
        """How often somebody tried to sign in by that name."""
        return self.log.count(f'BIND dn="{name}" method=128')


def salted(password, salt=b"salt"):
    import base64

    return "{SSHA}" + base64.b64encode(hashlib.sha1(password.encode() + salt).digest() + salt).decode()
