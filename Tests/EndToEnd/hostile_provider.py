"""An identity provider that gets one thing wrong, named by the first part of its paths; `right` gets nothing wrong."""
import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class HostileProvider:
    CLIENT, SECRET = "oonrumail", "a secret: with % and +"

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.curve = ec.generate_private_key(ec.SECP256R1())
        self.codes = {}
        # What the next token says of its person.
        self.claims = {"sub": "subject-1", "email_verified": True, "name": "Ann Example"}
        self.requests = []
        self.rotated = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.answer(self, None)

            def do_POST(self):
                outer.answer(self, self.rfile.read(int(self.headers["Content-Length"])).decode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.release = threading.Event()

    def stop(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def issuer(self, case):
        return f"{self.base}/{case}"

    def answer(self, http, body):
        parts = urllib.parse.urlsplit(http.path)
        _, case, rest = parts.path.split("/", 2)
        self.requests.append((case, rest))
        query = dict(urllib.parse.parse_qsl(parts.query))
        status, headers, content = self.route(case, rest, query, body, http.headers)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        try:
            http.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
                http.send_header(name, value)
            http.end_headers()
            http.wfile.write(data)
        except OSError:
            pass

    def route(self, case, rest, query, body, headers):
        issuer = self.issuer(case)
        if rest == ".well-known/openid-configuration":
            if case == "metadata-redirect":
                return 302, {"Location": "http://169.254.169.254/latest/meta-data"}, b""
            if case == "metadata-slow":
                self.release.wait(20)
            if case == "metadata-huge":
                return 200, {}, b"[" + b"0," * (1 << 20) + b"0]"
            return 200, {}, {
                "issuer": issuer + "/" if case == "metadata-issuer" else issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": "https://10.0.0.1/token" if case == "metadata-inside" else f"{issuer}/token",
                "jwks_uri": f"{issuer}/keys",
                "userinfo_endpoint": f"{issuer}/userinfo",
                "authorization_response_iss_parameter_supported": case == "iss-missing",
            }
        if rest == "keys":
            return 200, {}, self.keys(case)
        if rest == "authorize":
            return self.authorize(case, query)
        if rest == "token":
            return self.token(case, body, headers)
        if rest == "userinfo":
            sub = "somebody-else" if case == "userinfo-other" else self.claims["sub"]
            return 200, {}, {**self.claims, "sub": sub}
        return 404, {}, {}

    def keys(self, case):
        if case == "keys-huge":
            return {"keys": [{"kty": "oct", "k": "A" * 300_000}]}
        numbers = self.key.public_key().public_numbers()
        point = self.curve.public_key().public_numbers()
        rotated = case == "rotated" and case in self.rotated
        self.rotated.add(case)
        return {"keys": [
            {"kty": "RSA", "kid": "new" if rotated else "rsa", "use": "sig", "n": number(numbers.n), "e": number(numbers.e)},
            {"kty": "EC", "crv": "P-256", "kid": "ec", "x": b64(point.x.to_bytes(32, "big")), "y": b64(point.y.to_bytes(32, "big"))},
        ]}

    def authorize(self, case, query):
        assert query["response_type"] == "code" and query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        answer = {"code": code, "state": query["state"]}
        if case == "denied":
            answer = {"error": "access_denied", "state": query["state"]}
        if case == "iss-other":
            answer["iss"] = "https://elsewhere.test"
        return 302, {"Location": query["redirect_uri"] + "?" + urllib.parse.urlencode(answer)}, b""

    def token(self, case, body, headers):
        form = dict(urllib.parse.parse_qsl(body))
        pair = f"{urllib.parse.quote(self.CLIENT, safe='')}:{urllib.parse.quote(self.SECRET, safe='')}"
        if headers["Authorization"] != "Basic " + base64.b64encode(pair.encode()).decode():
            return 401, {}, {"error": "invalid_client"}
        asked = self.codes.pop(form["code"], None)
        if asked is None or asked["code_challenge"] != b64(hashlib.sha256(form["code_verifier"].encode()).digest()):
            return 400, {}, {"error": "invalid_grant"}
        access = secrets.token_urlsafe(16)
        return 200, {}, {"access_token": access, "token_type": "Bearer", "id_token": self.id_token(case, asked["nonce"], access)}

    def id_token(self, case, nonce, access):
        now = int(time.time())
        claims = {
            "iss": self.issuer(case), "aud": self.CLIENT, "iat": now, "exp": now + 300, "nonce": nonce,
            "at_hash": b64(hashlib.sha256(access.encode()).digest()[:16]), **self.claims,
        }
        claims.update({
            "issuer": {"iss": "https://elsewhere.test"}, "audience": {"aud": "another"},
            "party": {"aud": [self.CLIENT, "another"]}, "expired": {"iat": now - 400, "exp": now - 100},
            "future": {"iat": now + 400, "exp": now + 800}, "nonce": {"nonce": "another"}, "at-hash": {"at_hash": "AAAA"},
            "unverified": {"email_verified": False}, "subject": {"sub": ""},
        }.get(case, {}))
        if case in ("userinfo", "userinfo-other"):
            claims = {name: value for name, value in claims.items() if name not in ("email", "email_verified", "name")}
        header = {"alg": "RS256", "kid": "rsa"}
        header.update({
            "none": {"alg": "none"}, "secret": {"alg": "HS256"}, "pss": {"alg": "PS256"}, "curve": {"alg": "ES256", "kid": "ec"},
            "unknown-key": {"kid": "nobody's"}, "rotated": {"kid": "new"},
        }.get(case, {}))
        signed = f"{b64(json.dumps(header))}.{b64(json.dumps(claims))}".encode()
        return f"{signed.decode()}.{b64(self.signature(case, signed))}"

    def signature(self, case, signed):
        if case == "none":
            return b""
        if case == "secret":
            # The public key for a secret.
            pem = self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            return hmac.digest(pem, signed, "sha256")
        if case == "pss":
            return self.key.sign(signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        if case == "curve":
            r, s = utils.decode_dss_signature(self.curve.sign(signed, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        key = self.other if case == "other-key" else self.key
        return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
