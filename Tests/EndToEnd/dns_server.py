"""A DNS server on loopback whose zone tests change while it runs."""
import threading

from dnslib import A, CNAME, MX, QTYPE, RCODE, RR, SRV, TXT
from dnslib.server import BaseResolver, DNSLogger, DNSServer

from platform_process import free_port


class Zone(BaseResolver):
    """Authoritative for everything; what is not there does not exist."""

    def __init__(self):
        self.lock = threading.Lock()
        self.records = {}
        self.failing = set()

    def resolve(self, request, handler):
        reply = request.reply()
        name = str(request.q.qname).rstrip(".").lower()
        kind = QTYPE[request.q.qtype]
        with self.lock:
            if name in self.failing or "*" in self.failing:
                reply.header.rcode = RCODE.SERVFAIL
                return reply
            kinds = self.records.get(name)
            found = (kinds or {}).get(kind, [])
        if kinds is None:
            reply.header.rcode = RCODE.NXDOMAIN
        for ttl, data in found:
            reply.add_answer(RR(request.q.qname, request.q.qtype, ttl=ttl, rdata=data))
        for ttl, alias in (kinds or {}).get("CNAME", []) if not found else []:
            # As an authoritative server of both zones answers: the alias and what it leads to.
            reply.add_answer(RR(request.q.qname, QTYPE.CNAME, ttl=ttl, rdata=alias))
            with self.lock:
                behind = self.records.get(str(alias.label).rstrip(".").lower(), {}).get(kind, [])
            for ttl_behind, data in behind:
                reply.add_answer(RR(alias.label, request.q.qtype, ttl=ttl_behind, rdata=data))
        return reply


class LoopbackDNS:
    def __init__(self):
        self.zone = Zone()
        self.port = free_port()
        self.servers = [
            DNSServer(self.zone, address="127.0.0.1", port=self.port, tcp=tcp, logger=DNSLogger("-request,-reply,-truncated,-error")) for tcp in (False, True)
        ]
        for server in self.servers:
            server.start_thread()
        self.address = f"127.0.0.1:{self.port}"

    def stop(self):
        for server in self.servers:
            server.stop()
            server.server.server_close()

    def publish(self, name, kind, value, ttl=300):
        """Adds a record, written as a zone file writes it after the type, texts without quotes."""
        if kind == "TXT":
            data = TXT([value[at:at + 255].encode() for at in range(0, len(value), 255)])
        elif kind == "CNAME":
            data = CNAME(value)
        elif kind == "A":
            data = A(value)
        elif kind == "MX":
            preference, host = value.split()
            data = MX(host, int(preference))
        else:
            priority, weight, port, target = value.split()
            data = SRV(int(priority), int(weight), int(port), target)
        with self.zone.lock:
            self.zone.records.setdefault(name.rstrip(".").lower(), {}).setdefault(kind, []).append((ttl, data))

    def remove(self, name):
        with self.zone.lock:
            self.zone.records.pop(name.rstrip(".").lower(), None)

    def fail(self, *names):
        """SERVFAIL for these names; `*` for all; nothing ends it."""
        with self.zone.lock:
            self.zone.failing = set(names)
