"""Two messages that their author has signed before submitting them: in clear, and opaque (BR-6, BR-7).

Only their form matters; the signatures are a few invented octets.
"""

from typing import Final

SIGNED: Final = """\
Subject: Firmato
X-TipoRicevuta: breve
MIME-Version: 1.0
Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="S"

--S
Content-Type: multipart/mixed; boundary="M"

--M
Content-Type: text/plain

Buongiorno.
--M
Content-Type: application/pdf; name="atto.pdf"
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--M--
--S
Content-Type: application/pkcs7-signature; name="smime.p7s"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="smime.p7s"

MIIBdGVzdA==
--S--
""".replace("\n", "\r\n")

OPAQUE: Final = """\
Subject: Firmato
X-TipoRicevuta: breve
MIME-Version: 1.0
Content-Type: application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="smime.p7m"

MIIBdGVzdA==
""".replace("\n", "\r\n")
