"""An authenticator in software, made from WebAuthn level 2 (section 6) with none of the code that judges it."""

import base64
import hashlib
import json
import struct

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


def text(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SoftAuthenticator:
    """One passkey that answers whatever it is asked, as told."""

    def __init__(self, number=1, *, host="pec.beta.example", counts=True):
        self._key = ec.derive_private_key(number, ec.SECP256R1())
        self.id = hashlib.sha256(b"%d" % number).digest()
        self.origin, self.host, self.counts = f"https://{host}", host, counts
        self.count, self.verified, self.handle = 0, True, None

    def _data(self, flags, more=b""):
        self.count += self.counts
        flags |= _VERIFIED if self.verified else 0
        return hashlib.sha256(self.host.encode()).digest() + struct.pack("!BI", flags | _PRESENT, self.count) + more

    def _client(self, kind, challenge):
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _answer(self, **response):
        told = {name: text(value) if isinstance(value, bytes) else value for name, value in response.items()}
        return json.dumps({"id": text(self.id), "rawId": text(self.id), "type": "public-key", "response": told})

    def create(self, options):
        """Answer `navigator.credentials.create`."""
        options = json.loads(options)
        self.handle = octets(options["user"]["id"])
        numbers = self._key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        more = bytes(16) + struct.pack("!H", len(self.id)) + self.id + cbor2.dumps(cose)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": self._data(_ATTESTED, more)})
        client = self._client("webauthn.create", options["challenge"])
        return self._answer(clientDataJSON=client, attestationObject=attestation, transports=["internal", "odd", 5])

    def get(self, options):
        """Answer `navigator.credentials.get`."""
        client, data = self._client("webauthn.get", json.loads(options)["challenge"]), self._data(0)
        signature = self._key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        handle = {"userHandle": self.handle} if self.handle else {}
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signature, **handle)
