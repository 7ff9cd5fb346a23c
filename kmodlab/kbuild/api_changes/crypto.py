"""API changes of cryptography."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import Change, changes

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "4.6",
        "crypto/hash.h",
        (
            "crypto_alloc_hash()",
            N_("use crypto_alloc_shash()"),
            'struct crypto_shash *hash = crypto_alloc_shash("sha256", 0, 0);',
        ),
        ("struct hash_desc", N_("use a shash_desc"), "SHASH_DESC_ON_STACK(desc, hash);"),
    ),
    *changes(
        "gone",
        "5.5",
        "crypto/skcipher.h",
        (
            "crypto_alloc_blkcipher()",
            N_("use crypto_alloc_skcipher()"),
            'struct crypto_skcipher *cipher = crypto_alloc_skcipher("cbc(aes)", 0, 0);',
        ),
        (
            "crypto_alloc_ablkcipher()",
            N_("use crypto_alloc_skcipher()"),
            'struct crypto_skcipher *cipher = crypto_alloc_skcipher("cbc(aes)", 0, 0);',
        ),
    ),
    *changes(
        "gone",
        "5.2",
        "crypto/hash.h",
        ("shash_desc.flags", N_("remove it"), "desc->tfm = hash;"),
    ),
    *changes(
        "gone",
        "2.6.19–2.6.24",
        "crypto/hash.h",
        (
            "crypto_digest_init()",
            N_("use a shash_desc, and crypto_shash_init()"),
            "int error = crypto_shash_init(state);",
        ),
        (
            "crypto_alloc_tfm()",
            N_("use crypto_alloc_shash() for a digest, crypto_alloc_skcipher() for a cipher"),
            'struct crypto_shash *hash = crypto_alloc_shash("sha256", 0, 0);',
        ),
    ),
)
