"""Why a step of the formal check ended as it did: the closed list of reason codes (IP-12, IP-13, IP-16).

The codes are stable: they stand in the JSON of `pec verify` and are what its languages translate;
`core.incoming_point` has the Italian detail for the anomaly envelope of each that can be a failure.
"""

from enum import StrEnum


class FormReason(StrEnum):
    """Reason code of a `StepOutcome` of the formal check."""

    # marker
    NO_MARKER = "no-marker"
    """Neither X-Trasporto nor X-Ricevuta."""
    BOTH_MARKERS = "both-markers"
    REPEATED_MARKER = "repeated-marker"
    UNKNOWN_MARKER = "unknown-marker"
    """A value that is not on the closed list of 2.3."""
    MARKER_CASE = "marker-case"
    """Borne: the value in other letters than lower case."""

    # header-fields
    FIELD_MISSING = "field-missing"
    FIELD_REPEATED = "field-repeated"
    OPTIONAL_FIELD_MISSING = "optional-field-missing"
    """Borne: what the field says stands in the certification data too."""

    # from
    NO_FROM_ADDRESS = "no-from-address"
    SEVERAL_FROM_ADDRESSES = "several-from-addresses"
    FROM_NOT_SIGNER = "from-not-signer"
    SENDER_DIFFERS = "sender-differs"
    """A Sender that is not the From (GE-26)."""
    SIGNER_UNKNOWN = "signer-unknown"
    """Not decided: nobody said which addresses the signer's certificate has."""

    # structure
    NO_SEAL = "no-seal"
    OPAQUE_SEAL = "opaque-seal"
    LIMIT_PASSED = "limit-passed"
    """The content passes a limit of SE-7."""
    NOT_MIXED = "not-mixed"

    # readable-part
    NO_READABLE_PART = "no-readable-part"
    HTML_ONLY = "html-only"

    # certification-part, original-part
    CERTIFICATION_MISSING = "certification-missing"
    SEVERAL_CERTIFICATIONS = "several-certifications"
    CERTIFICATION_UNEXPECTED = "certification-unexpected"
    """An anomaly envelope with certification data: it must certify nothing (GE-16)."""
    ORIGINAL_MISSING = "original-missing"
    SEVERAL_ORIGINALS = "several-originals"
    ORIGINAL_UNEXPECTED = "original-unexpected"
    """Borne: a receipt or notice with an original that the rules do not put there."""
    PART_LABEL = "part-label"
    """Borne: the part has another type or name, or none (TO-17)."""

    # certification
    CERTIFICATION_MALFORMED = "certification-malformed"
    """Not XML, not valid against the DTD, or with values that cannot be read; the evidence says which."""
    CERTIFICATION_DEVIATES = "certification-deviates"
    """Borne: valid, but not as we would write it; the evidence lists the deviations."""
    CERTIFICATION_UNREAD = "certification-unread"
    """Not decided: there are no readable certification data to compare with."""

    # kind
    KIND_NOT_MARKER = "kind-not-marker"
    """`tipo` is not what the marker says."""

    # identifier
    NO_MESSAGE_ID = "no-message-id"
    IDENTIFIER_NOT_MESSAGE_ID = "identifier-not-message-id"
    RECEIPT_UNDER_ENVELOPE_ID = "receipt-under-envelope-id"
    """Borne: a receipt whose Message-ID is that of the envelope (GE-30)."""

    # reverse-path, recipients
    TRANSACTION_UNKNOWN = "transaction-unknown"
    """Not decided: the message was not seen arriving, so its SMTP paths are not known."""
    SENDER_NOT_REVERSE_PATH = "sender-not-reverse-path"
    RECIPIENT_NOT_CERTIFIED = "recipient-not-certified"
    """A recipient of the transaction is not among `destinatari`."""
    TO_NOT_SENDER = "to-not-sender"
    """A receipt addressed to somebody who is not the original sender."""
    RECIPIENT_NOT_SENDER = "recipient-not-sender"
    """A receipt routed to somebody who is not the original sender."""
    NOT_TO_SERVICE_MAILBOX = "not-to-service-mailbox"
    """A message between providers routed to somebody who is not the service mailbox (MO-5)."""
