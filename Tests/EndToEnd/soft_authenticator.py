"""A passkey in software, by other implementations of its parts than the platform's."""
import base64
import hashlib
import json
import struct

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec


def encoded(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SoftAuthenticator:
    """Does what it is told to do wrong: `origin`, `host`, `flags` and `count` are there to be changed."""

    def __init__(self, origin, host):
        self.origin, self.host, self.flags, self.count = origin, host, 0x05, 0
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = hashlib.sha256(str(self.key.public_key().public_numbers().x).encode()).digest()
        self.handle = None

    def client(self, kind, challenge):
        data = {"type": f"webauthn.{kind}", "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(data).encode()

    def data(self, flags=0):
        head = hashlib.sha256(self.host.encode()).digest()
        return head + bytes([self.flags | flags]) + struct.pack(">I", self.count)

    def create(self, options):
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        data = self.data(0x40) + bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor2.dumps(cose)
        self.handle = options["user"]["id"]
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self.credential(
            clientDataJSON=encoded(self.client("create", options["challenge"])),
            attestationObject=encoded(attestation), transports=["internal"],
        )

    def get(self, options):
        client, data = self.client("get", options["challenge"]), self.data()
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self.credential(
            clientDataJSON=encoded(client), authenticatorData=encoded(data), signature=encoded(signature),
            userHandle=self.handle,
        )

    def credential(self, **response):
        return {
            "id": encoded(self.id), "rawId": encoded(self.id), "type": "public-key", "response": response,
            "authenticatorAttachment": "platform", "clientExtensionResults": {"credProps": {"rk": True}},
        }
