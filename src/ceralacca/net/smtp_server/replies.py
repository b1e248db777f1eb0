"""What the listeners answer: codes of RFC 5321 and 3463, wording that a holder can understand.

Where the norm has a text for the same failure (3.2), it stands in the reply, in Italian; where other
providers' words are known to client programs, they are kept.
"""

GREETING = "220 {host} ESMTP"
OK = "250 2.0.0 OK"
BYE = "221 2.0.0 Bye"
SENDER_OK = "250 2.1.0 OK"
RECIPIENT_OK = "250 2.1.5 OK"
START_MAIL = "354 End data with <CR><LF>.<CR><LF>"
RECEIVED = "250 2.0.0 OK: queued as {key}"
READY_FOR_TLS = "220 2.0.0 Ready to start TLS"
SIGNED_IN = "235 2.7.0 Authentication successful"

# Not now
CLOSING = "421 4.3.2 {host} is closing, try again later"
TIMED_OUT = "421 4.4.2 {host} Error: timeout exceeded"
TOO_MANY_CONNECTIONS = "421 4.7.0 Too many connections, try again later"
TOO_MANY_ERRORS = "421 4.7.0 {host} Error: too many errors"
NOT_READY = "451 4.3.2 Try again later: il servizio non e' disponibile"  # AP-18, IP-5
NOT_DURABLE = "451 4.3.0 The message could not be stored, try again later: il servizio non e' disponibile"
NO_ROOM = "452 4.3.1 Insufficient system storage, try again later"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients: ecceduto il numero massimo di destinatari"  # AP-13
NOBODY_TO_ASK = "454 4.7.0 Temporary authentication failure"
TOO_MANY_ATTEMPTS = "454 4.7.0 Too many authentication attempts, try again later"
NO_TLS_NOW = "454 4.7.0 TLS not available"

# Not so
UNKNOWN_COMMAND = "500 5.5.2 Command not recognized"
LINE_TOO_LONG = "500 5.5.2 Line too long"
BAD_LINE_END = "500 5.5.2 Lines end with <CR><LF>"
BAD_SYNTAX = "501 5.5.4 Syntax: {syntax}"
BAD_BASE64 = "501 5.5.2 Cannot decode base64"
CANCELLED = "501 5.7.0 Authentication cancelled"
NOT_HERE = "502 5.5.1 Command not implemented"
CANNOT_VERIFY = "252 2.1.5 Cannot verify, send mail and see"
OUT_OF_TURN = "503 5.5.1 {what}"
SPOKE_AHEAD = "503 5.5.0 Improper pipelining: wait for the reply"
NO_MECHANISM = "504 5.5.4 Unrecognized authentication mechanism"
NOT_QUALIFIED = "504 5.5.2 <{path}>: {role} address rejected: need fully-qualified address"
FORBIDDEN = "521 5.5.1 This is a mail server"
NEEDS_TLS = "530 5.7.0 Must issue a STARTTLS command first: non e' stata utilizzata la cifratura del canale"  # AP-1
NEEDS_SIGN_IN = "530 5.7.0 Authentication required"
WRONG_CREDENTIALS = "535 5.7.8 Authentication credentials invalid"
AUTH_NEEDS_TLS = "538 5.7.11 Encryption required for authentication: non e' stata utilizzata la cifratura del canale"
NULL_SENDER = "550 5.7.1 <>: Sender address rejected: a certified message has a sender"  # AP-14
NOT_A_SENDER = "550 5.7.1 <{path}>: Sender address rejected: this mailbox may not send"
CONTRACT_ENDED = (
    "550 5.7.1 <{path}>: Sender address rejected: the contract of this mailbox ended on {day}, it does not send any "
    "more: il contratto della casella e' scaduto, la casella non invia piu'"
)
RESERVED = "550 5.7.1 <{path}>: Recipient address rejected: reserved for providers' receipts and notices"  # AM-33
NO_RELAY = "550 5.7.1 <{path}>: Relaying denied"
UNKNOWN_USER = "550 5.1.1 <{path}>: Recipient address rejected: User unknown"
BARE_LINE_END = (
    "550 5.6.0 Bare <CR> or <LF> received: il messaggio non e' conforme alle specifiche RFC 5322"  # smuggling
)
NUL_OCTET = "550 5.6.0 NUL octet received: il messaggio non e' conforme alle specifiche RFC 5322"
TOO_LARGE = "552 5.3.4 Message size exceeds fixed limit: ecceduta la dimensione massima del messaggio"  # AP-4
NOT_OWNED = (  # AP-2
    "553 5.7.1 <{path}>: Sender address rejected: not owned by user {user}: le credenziali di autenticazione non sono "
    "compatibili con l'indirizzo del mittente"
)
BAD_SENDER = "553 5.1.7 Sender address rejected: bad address syntax"
BAD_RECIPIENT = "553 5.1.3 Recipient address rejected: bad address syntax"
INTERNATIONAL = "553 5.6.7 Internationalized addresses are not supported: write the domain in its A-label form"  # AM-15
NO_RECIPIENTS = "554 5.5.1 No valid recipients"
UNKNOWN_PARAMETER = "555 5.5.4 Parameter not recognized or not implemented"
