"""The signature at the end of a signed module: the signer and the key. Only a kernel with the key can verify it.

After the ELF file come a PKCS#7 message (RFC 5652), twelve bytes with its length (struct module_signature in
linux/module_signature.h), and a line of text by which the kernel recognises a signed module.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from kmodlab.elf.contents import text_of
from kmodlab.i18n import _

MARK = b"~Module signature appended~\n"
_TRAILER = struct.Struct(">2xB5xI")  # struct module_signature: id_type and sig_len
_PKCS7 = 2
_MAX_MESSAGE = 1 << 16  # a signature has a few hundred bytes, with certificates some thousand
# The object identifiers of NIST and RFC 8017.
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
    """A module's signature. `size` is the number of bytes after the ELF file.

    `signer` is the name in the key's certificate, `key` its serial number as `modinfo` prints it, `digest` the hash
    function. If they cannot be read, all three are empty and `doubt` says why, without a full stop.
    """

    size: int
    signer: str = ""
    key: str = ""
    digest: str = ""
    doubt: str = ""


def find_signature(image: bytes) -> Signature | None:
    """The signature at the end of a module's bytes; None for an unsigned module. If damaged, `doubt` says so."""
    if not image.endswith(MARK):
        return None
    end = len(image) - len(MARK) - _TRAILER.size
    if end < 0:
        return Signature(len(image), doubt=_("the file is too short for a signature"))
    kind, length = _TRAILER.unpack_from(image, end)
    size = length + _TRAILER.size + len(MARK)
    if length > end:
        return Signature(size, doubt=_("the signature's length is larger than the file"))
    if kind != _PKCS7 or length > _MAX_MESSAGE:
        return Signature(size, doubt=_("the signature is not a PKCS#7 message, the only kind that kernels accept"))
    try:
        return _read(image[end - length : end], size)
    except Exception as error:  # a parser raises anything when it reads garbage
        doubt = _("the signature's message is damaged ({error})").format(error=type(error).__name__)
        return Signature(size, doubt=doubt)


def _read(message: bytes, size: int) -> Signature:
    # This import takes a third of a second, and only signed modules need it.
    from pyasn1.codec.der.decoder import decode
    from pyasn1_modules import rfc5652

    content = decode(message, asn1Spec=rfc5652.ContentInfo())[0]
    signed = decode(content["content"], asn1Spec=rfc5652.SignedData())[0]
    signer = signed["signerInfos"][0]
    digest = str(signer["digestAlgorithm"]["algorithm"])
    identifier = signer["sid"].getComponent()
    if signer["sid"].getName() == "subjectKeyIdentifier":
        return Signature(size, "", _hex(bytes(identifier)), _HASHES.get(digest, digest))
    serial = int(identifier["serialNumber"])
    key = _hex(serial.to_bytes(max(1, (serial.bit_length() + 7) // 8), "big"))
    names = [part["value"] for parts in identifier["issuer"].getComponent() for part in parts if _is_name(part)]
    signer_name = _text(decode(names[0])[0]) if names else ""
    return Signature(size, signer_name, key, _HASHES.get(digest, digest))


def _hex(data: bytes) -> str:
    return ":".join(f"{byte:02X}" for byte in data)


def _is_name(part: Any) -> bool:
    """Whether this part of a distinguished name is its common name (RFC 5280, A.1)."""
    return str(part["type"]) == "2.5.4.3"


def _text(value: Any) -> str:
    return text_of(value.asOctets()) if hasattr(value, "asOctets") else str(value)
