"""The two SMTP listeners: submissions of holders (465, 587) and mail from everybody else (25).

    rules = AccessRules(signs_in, reserved=..., ready=scanner.ready, clock=...)      or  IncomingRules(...)
    equipment = Equipment(hostname=..., rules=rules, reception=Reception(store, clock), room=SpoolRoom(folder), ...)
    doors = [Door(host="127.0.0.1", port=465, implicit_tls=True), Door(host="127.0.0.1", port=587)]
    listener = Listener(doors, equipment)
    await listener.start() ... await listener.stop(grace=30); await reception.close()

Where to look: `connection` (octets, time-outs), `conversation` (commands), `access` and `incoming` (the
rules of the two points), `end_of_data` (where a message ends), `data_phase` (its limits), `reception`
(durable before `250`).

Clauses: AP-1 to AP-4, AP-13, AP-14, AP-18, AP-25, IP-1, IP-3 to IP-5, IP-21, AM-15, AM-30, AM-33, SE-1, SE-3.
"""

from ceralacca.net.smtp_server.access import AccessRules
from ceralacca.net.smtp_server.connection import Equipment
from ceralacca.net.smtp_server.incoming import IncomingRules
from ceralacca.net.smtp_server.limits import Limits
from ceralacca.net.smtp_server.listener import Door, Listener
from ceralacca.net.smtp_server.reception import Reception
from ceralacca.net.smtp_server.spool import SpoolRoom
from ceralacca.net.smtp_server.tls import server_context

__all__ = [
    "AccessRules",
    "Door",
    "Equipment",
    "IncomingRules",
    "Limits",
    "Listener",
    "Reception",
    "SpoolRoom",
    "server_context",
]
