"""The signature at the end of a signed module: who vouches for it, with which key. Whether it holds, only a kernel
with that key can tell.

Behind the ELF file lie a PKCS#7 message (RFC 5652), twelve bytes that say how long it is (struct module_signature in
linux/module_signature.h), and a line of text by which the kernel knows that all this is there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from kmodlab.elf.malformed_error import text_of

MARK = b"~Module signature appended~\n"
_PKCS7 = 2
_MAX_MESSAGE = 1 << 16  # a signature takes a few hundred bytes, with certificates some thousand
# NIST's and RFC 8017's object identifiers.
_HASHES = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "2.16.840.1.101.3.4.2.8": "sha3-256",
    "2.16.840.1.101.3.4.2.9": "sha3-384",
    "2.16.840.1.101.3.4.2.10": "sha3-512",
}


@dataclass(frozen=True)
class Signature:
    """A module's signature. `size` is all that follows the ELF file, in bytes.

    `signer` is the name in the key's certificate, `key` its serial number as `modinfo` prints it, `digest` the hash
    that was signed. All three are empty where `doubt` says why they could not be read.
    """

    size: int
    signer: str = ""
    key: str = ""
    digest: str = ""
    doubt: str = ""


def find_signature(image: bytes) -> Signature | None:
    """The signature at the end of a module's bytes; None where it bears none. Damage is told in its `doubt`."""
    if not image.endswith(MARK):
        return None
    end = len(image) - len(MARK)
    if end < 12:
        return Signature(len(image), doubt="the file is too short for a signature")
    kind, length = struct.unpack(">2xB5xI", image[end - 12 : end])
    size = length + 12 + len(MARK)
    if length > end - 12:
        return Signature(size, doubt="the signature is said to be longer than the file")
    if kind != _PKCS7 or length > _MAX_MESSAGE:
        return Signature(size, doubt="the signature is not of the one kind that kernels accept (PKCS#7)")
    try:
        return _read(image[end - 12 - length : end - 12], size)
    except Exception as error:  # whatever garbage does to a parser
        return Signature(size, doubt=f"the signature's message is damaged ({type(error).__name__})")


def _read(message: bytes, size: int) -> Signature:
    # To import this takes a third of a second, and only signed modules need it.
    from pyasn1.codec.der.decoder import decode
    from pyasn1_modules import rfc5652

    content, _ = decode(message, asn1Spec=rfc5652.ContentInfo())
    signed, _ = decode(content["content"], asn1Spec=rfc5652.SignedData())
    signer = signed["signerInfos"][0]
    digest = str(signer["digestAlgorithm"]["algorithm"])
    chosen = signer["sid"].getComponent()
    if signer["sid"].getName() == "subjectKeyIdentifier":
        return Signature(size, "", _hex(bytes(chosen)), _HASHES.get(digest, digest))
    number = int(chosen["serialNumber"])
    key = _hex(number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big"))
    names = [part["value"] for parts in chosen["issuer"].getComponent() for part in parts if _is_name(part)]
    signer_name = _text(decode(names[0])[0]) if names else ""
    return Signature(size, signer_name, key, _HASHES.get(digest, digest))


def _hex(data: bytes) -> str:
    return ":".join(f"{byte:02X}" for byte in data)


def _is_name(part: Any) -> bool:
    """Whether this part of a distinguished name is the one that people read, the common name (RFC 5280, A.1)."""
    return str(part["type"]) == "2.5.4.3"


def _text(value: Any) -> str:
    return text_of(value.asOctets()) if hasattr(value, "asOctets") else str(value)
