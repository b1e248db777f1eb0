"""Why a step of seal verification ended as it did: the closed list of reason codes (IP-6 to IP-14, TO-21).

The codes are stable: they stand in the JSON of `pec verify` and are what its languages translate.
A code says what was found, never how grave it is: the same `revocation-unknown` is a refusal for
the incoming point and a remark for somebody who looks at an old receipt.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Reason code of a `StepOutcome` of seal verification."""

    # Shape (IP-6)
    NOT_SIGNED = "not-signed"
    """Neither multipart/signed nor application/pkcs7-mime with signed data: there is no seal."""
    MALFORMED_MESSAGE = "malformed-message"
    """The header cannot be read, or passes a limit of SE-7."""
    NO_BOUNDARY = "no-boundary"
    NOT_TWO_PARTS = "not-two-parts"
    """A multipart/signed that does not hold exactly one entity and one signature."""
    TRUNCATED = "truncated"
    """The last boundary is missing: the message was cut."""
    CONTENT_AFTER_SEAL = "content-after-seal"
    """Text follows the last boundary, where no seal covers it."""
    AMBIGUOUS_HEADER = "ambiguous-header"
    """A field that decides how the message is read stands there twice."""
    NOT_A_SIGNATURE_PART = "not-a-signature-part"
    SIGNATURE_ENCODING = "signature-encoding"
    """The signature part is not the base64 or binary it says it is."""
    MALFORMED_CMS = "malformed-cms"
    """The octets are not CMS SignedData in BER or DER."""
    TOO_LARGE = "too-large"
    NO_CONTENT = "no-content"
    """An opaque CMS without the content that it should hold."""
    OPAQUE_FORM = "opaque-form"
    """The content is inside the CMS (application/pkcs7-mime): verified, but not the form of a PEC message."""
    PREAMBLE = "preamble"
    """Text stands before the first boundary (TO-3); mail programs do not show it."""
    UNEXPECTED_PROTOCOL = "unexpected-protocol"
    """multipart/signed by another method than S/MIME."""

    # Signer (IP-7, GE-2)
    NO_SIGNER = "no-signer"
    SEVERAL_SIGNERS = "several-signers"
    SIGNER_CERTIFICATE_MISSING = "signer-certificate-missing"
    SIGNER_AMBIGUOUS = "signer-ambiguous"
    """Two different certificates answer to the signer's name."""
    MALFORMED_CERTIFICATE = "malformed-certificate"
    NOT_DATA = "not-data"
    """The content type of the CMS is not id-data."""
    MALFORMED_ATTRIBUTES = "malformed-attributes"
    """A signed attribute is missing, doubled or of the wrong form."""
    ALGORITHM_PROTECTION = "algorithm-protection"
    """The algorithms used are not those that the signer put under the signature."""

    # Digest (IP-8, TO-1, TO-4)
    CONTENT_ALTERED = "content-altered"
    ENCAPSULATED_DIFFERS = "encapsulated-differs"
    """A detached seal that carries other content inside."""
    ENCAPSULATED_REPEATS = "encapsulated-repeats"
    WEAK_DIGEST = "weak-digest"
    DIGEST_SHA1 = "digest-sha1"
    """SHA-1, as of the rules of 2005: accepted on reception and said so (AM-28)."""
    LINE_ENDS_CONVERTED = "line-ends-converted"
    """The message was saved with LF line ends; the digest holds for its CRLF form (TO-4)."""
    NO_SIGNED_ATTRIBUTES = "no-signed-attributes"
    """The signature stands over the content itself: no signing time, no digest of its own."""
    ATTRIBUTES_AS_CONTENT = "attributes-as-content"
    """The content is a set of signed attributes: a signature moved from another message."""

    # Signature
    SIGNATURE_MISMATCH = "signature-mismatch"
    UNSUPPORTED_ALGORITHM = "unsupported-algorithm"

    # Key (CE-3, CE-6, CE-8)
    WEAK_KEY = "weak-key"
    UNSUPPORTED_KEY = "unsupported-key"
    KEY_USAGE = "key-usage"
    """keyUsage is there without digitalSignature."""
    KEY_USAGE_MISSING = "key-usage-missing"
    EXTENDED_KEY_USAGE = "extended-key-usage"
    """extendedKeyUsage is there without emailProtection."""
    SIGNER_IS_AUTHORITY = "signer-is-authority"

    # Path (IP-8)
    NO_ANCHORS = "no-anchors"
    NO_PATH = "no-path"
    ISSUER_SIGNATURE = "issuer-signature"
    ISSUER_EXPIRED = "issuer-expired"
    ISSUER_NOT_YET_VALID = "issuer-not-yet-valid"
    ISSUER_NOT_AUTHORITY = "issuer-not-authority"
    PATH_TOO_LONG = "path-too-long"
    NAME_CONSTRAINTS = "name-constraints"
    WEAK_PATH = "weak-path"
    """A certificate of the path is signed with a weak digest or key."""
    CERTIFICATE_POLICIES = "certificate-policies"
    CRITICAL_EXTENSION = "critical-extension"
    PATH_INVALID = "path-invalid"
    """Any other failure of path validation; the evidence says which."""

    # Revocation (IP-8, IP-9, CE-10)
    REVOKED = "revoked"
    REVOKED_SINCE = "revoked-since"
    """Revoked after the instant for which the seal is judged."""
    KEY_COMPROMISED = "key-compromised"
    """Revoked later because the key was lost: its signing times prove nothing."""
    REVOCATION_UNKNOWN = "revocation-unknown"
    """No CRL that speaks for the instant is in the store."""
    REVOCATION_STALE = "revocation-stale"
    """The newest CRL is past its nextUpdate (IP-9)."""

    # Validity (IP-8, TO-21)
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED_SINCE = "expired-since"
    """Good at the signing time, past its period now."""
    NO_SIGNING_TIME = "no-signing-time"
    """The seal says no signing time: judged for the present."""
    SIGNING_TIME_AHEAD = "signing-time-ahead"
    """The signing time lies in the future: judged for the present."""

    # Address (GE-3, IP-12)
    ADDRESS_MISMATCH = "address-mismatch"
    NO_ADDRESS = "no-address"
    """The certificate names no mail address, or From holds none."""
    SEVERAL_ADDRESSES = "several-addresses"
    """From names more than one mailbox, or stands there twice."""

    # Directory (IP-7, DI-8, IP-14)
    NO_DIRECTORY = "no-directory"
    NOT_IN_DIRECTORY = "not-in-directory"
    DIRECTORY_CERTIFICATE_DIFFERS = "directory-certificate-differs"
    """The hash is listed, the certificate beside it is another."""
    WRONG_PROVIDER = "wrong-provider"
    NO_SENDER_DOMAIN = "no-sender-domain"
    """Nobody asked about a sender's domain: the message has none, or the reader did not look."""

    # Opaque files (DI-2, DI-5)
    NOT_PINNED = "not-pinned"
    """Another certificate than the one that was pinned."""
