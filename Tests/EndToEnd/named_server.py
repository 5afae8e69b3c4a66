"""BIND 9 on loopback: the primary of zones that TSIG keys may update."""
import base64
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading

import dns.query
import dns.tsigkeyring
import dns.update

from platform_process import free_port, wait_until


# named with another clock: what it asks the system for is so many seconds off.
CLOCK = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *now) {
    long result = syscall(SYS_clock_gettime, id, now);
    const char *off = getenv("CLOCK_OFF");
    if (result == 0 && off && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += atol(off);
    return (int)result;
}
"""


class Named:
    """named as its own process with its own configuration; ended by its id."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="named"))
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.keys = {}
        self.zones = {}
        self.process = None

    def key(self, name, algorithm="hmac-sha256", secret=None):
        self.keys[name] = (algorithm, secret or base64.b64encode(secrets.token_bytes(32)).decode())
        return self.keys[name][1]

    def zone(self, name, *policies, lines=()):
        """A zone with its beginning, and what else there is; policies as `update-policy` takes them."""
        self.zones[name] = policies
        text = [f"$ORIGIN {name}.", "$TTL 300", f"@ IN SOA ns.{name}. hostmaster.{name}. 1 3600 600 86400 1", f"@ IN NS ns.{name}.", "ns IN A 127.0.0.1"]
        (self.folder / f"{name}.zone").write_text("\n".join([*text, *lines]) + "\n")

    def start(self, clock_off=None):
        lines = [
            "options {", f'  directory "{self.folder}";', f'  pid-file "{self.folder}/named.pid";', f'  session-keyfile "{self.folder}/session.key";',
            f"  listen-on port {self.port} {{ 127.0.0.1; }};", "  listen-on-v6 { none; };", "  recursion no;", "  dnssec-validation no;",
            "  allow-transfer { none; };", "  empty-zones-enable no;", "};", "controls { };",
        ]
        for name, (algorithm, secret) in self.keys.items():
            lines.append(f'key "{name}" {{ algorithm {algorithm}; secret "{secret}"; }};')
        for name, policies in self.zones.items():
            rules = " ".join(f"{policy};" for policy in policies)
            lines.append(f'zone "{name}" {{ type primary; file "{name}.zone"; update-policy {{ {rules} }}; }};')
        (self.folder / "named.conf").write_text("\n".join(lines) + "\n")
        environment = dict(os.environ)
        if clock_off:
            (self.folder / "clock.c").write_text(CLOCK)
            library = self.folder / "clock.so"
            subprocess.run(["cc", "-shared", "-fPIC", "-o", library, self.folder / "clock.c"], check=True)
            environment |= {"LD_PRELOAD": str(library), "CLOCK_OFF": str(clock_off)}
        log = open(self.folder / "named.log", "ab")
        self.process = subprocess.Popen(
            ["/usr/sbin/named", "-g", "-c", f"{self.folder}/named.conf", "-n", "1"], stdout=log, stderr=log, env=environment
        )
        wait_until(self.answers)
        return self

    def answers(self):
        assert self.process.poll() is None, (self.folder / "named.log").read_text()[-3000:]
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        self.process.wait(20)
        self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)

    def dig(self, name, kind):
        """As somebody outside sees it, by dig."""
        command = ["dig", "+short", "+norec", f"@127.0.0.1", "-p", str(self.port), name, kind]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        return sorted(line.replace('" "', "").strip('"') for line in found if not line.startswith(";"))

    def update(self, zone, key, work):
        """Changes by somebody else, by another implementation."""
        algorithm, secret = self.keys[key]
        update = dns.update.UpdateMessage(zone, keyring=dns.tsigkeyring.from_text({key: secret}), keyalgorithm=algorithm)
        work(update)
        answer = dns.query.tcp(update, "127.0.0.1", port=self.port, timeout=10)
        assert answer.rcode() == 0, answer


class Meddler:
    """Passes conversations on to a name server, and does something just before the next update goes through."""

    OPCODE_UPDATE = 5

    def __init__(self, port):
        self.target, self.work, self.updates = port, None, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.questions, args=(client, server), daemon=True).start()
            threading.Thread(target=self.answers, args=(server, client), daemon=True).start()

    @staticmethod
    def read(link, count):
        data = b""
        while len(data) < count:
            piece = link.recv(count - len(data))
            if not piece:
                return None
            data += piece
        return data

    def questions(self, client, server):
        while head := self.read(client, 2):
            message = self.read(client, int.from_bytes(head, "big"))
            if (message[2] >> 3) & 15 == self.OPCODE_UPDATE:
                self.updates += 1
                work, self.work = self.work, None
                if work:
                    work()
            server.sendall(head + message)
        server.close()

    @staticmethod
    def answers(server, client):
        try:
            while piece := server.recv(65536):
                client.sendall(piece)
        except OSError:
            pass
        client.close()
