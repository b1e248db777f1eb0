"""The records of a domain, held against what RFC 6186 and RFC 8314 give as examples."""

from ceralacca.core.model.mail_service import ConnectionSecurity, MailProtocol, MailService
from ceralacca.formats.client_setup.dns_records import client_records

TLS, STARTTLS = ConnectionSecurity.TLS, ConnectionSecurity.STARTTLS
SERVICES = (
    MailService(protocol=MailProtocol.IMAP, host="imap.gestore.example", port=993, security=TLS),
    MailService(protocol=MailProtocol.POP3, host="pop.gestore.example", port=995, security=TLS),
    MailService(protocol=MailProtocol.SUBMISSION, host="smtp.gestore.example", port=465, security=TLS),
    MailService(protocol=MailProtocol.SUBMISSION, host="smtp.gestore.example", port=587, security=STARTTLS),
)


def test_every_record_is_a_line_of_a_zone_file():
    records = client_records(
        "pec.alfa.example",
        SERVICES,
        exchangers=("mail.gestore.example", "mail2.gestore.example"),
        web=("pec.gestore.example", 443),
    )
    assert [str(one) for one in records] == [
        "pec.alfa.example. IN MX 10 mail.gestore.example.",
        "pec.alfa.example. IN MX 20 mail2.gestore.example.",
        "_imaps._tcp.pec.alfa.example. IN SRV 0 1 993 imap.gestore.example.",
        "_pop3s._tcp.pec.alfa.example. IN SRV 10 1 995 pop.gestore.example.",
        "_submissions._tcp.pec.alfa.example. IN SRV 20 1 465 smtp.gestore.example.",
        "_submission._tcp.pec.alfa.example. IN SRV 30 1 587 smtp.gestore.example.",
        "_imap._tcp.pec.alfa.example. IN SRV 0 0 0 .",
        "_pop3._tcp.pec.alfa.example. IN SRV 0 0 0 .",
        "autoconfig.pec.alfa.example. IN CNAME pec.gestore.example.",
        "_autodiscover._tcp.pec.alfa.example. IN SRV 0 1 443 pec.gestore.example.",
    ]


def test_a_program_that_knows_dns_reads_them():
    import dns.rdatatype
    import dns.zone

    records = client_records("pec.alfa.example", SERVICES, exchangers=("mail.gestore.example",), web=("w.example", 443))
    text = "@ 3600 IN SOA a. b. 1 2 3 4 5\n@ IN NS a.\n" + "\n".join(map(str, records)) + "\n"
    zone = dns.zone.from_text(text, origin="pec.alfa.example.", relativize=False)
    assert zone.find_rdataset("_imaps._tcp.pec.alfa.example.", "SRV")[0].port == 993
    assert zone.find_rdataset("_pop3._tcp.pec.alfa.example.", dns.rdatatype.SRV)[0].target.to_text() == "."
