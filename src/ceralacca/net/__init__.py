"""The edges towards the network: each an adapter of one protocol, strangers to the store and to the services.

`smtp_server` receives (access and incoming point), the other modules ask: peers' mail servers, name
servers, the virus scanner, publishers of CRLs and of the providers directory. What they need of the rest
of the program they get as ports; what they decide is SMTP's or HTTP's, never PEC's.
"""
