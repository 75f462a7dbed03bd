"""How a text becomes SMS parts: GSM 03.38 septets or UCS-2 code units (3GPP TS 23.038 and 23.040)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Encoding = Literal["text", "unicode"]

GSM_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = "^{}\\[]~|€\f"

_GSM_ONLY = re.compile(f"[{re.escape(GSM_BASIC + GSM_EXTENSION)}]*")
_GSM_TWO_UNITS = re.compile(f"[{re.escape(GSM_EXTENSION)}]")
_UCS2_TWO_UNITS = re.compile(r"[\U00010000-\U0010FFFF]")


@dataclass(frozen=True)
class _Alphabet:
    single: int
    """Units of a message that needs no splitting."""
    split: int
    """Units of each part once it is split: the concatenation header takes the rest."""
    two_units: re.Pattern[str]
    """Characters that cost two units; such a pair never straddles two parts."""


_ALPHABETS: dict[Encoding, _Alphabet] = {
    "text": _Alphabet(160, 153, _GSM_TWO_UNITS),
    "unicode": _Alphabet(70, 67, _UCS2_TWO_UNITS),
}


def encoding_of(text: str) -> Encoding:
    """One character outside GSM 03.38 turns the whole message into UCS-2."""
    return "text" if _GSM_ONLY.fullmatch(text) else "unicode"


def count_parts(text: str) -> tuple[Encoding, int]:
    encoding = encoding_of(text)
    alphabet = _ALPHABETS[encoding]
    pairs = len(alphabet.two_units.findall(text))
    total = len(text) + pairs
    if total <= alphabet.single:
        return encoding, 1
    if not pairs:
        return encoding, -(-total // alphabet.split)
    parts, room = 1, alphabet.split
    for character in text:
        cost = 2 if alphabet.two_units.match(character) else 1
        if cost > room:
            parts, room = parts + 1, alphabet.split
        room -= cost
    return encoding, parts


def room_for(text: str) -> tuple[int, int]:
    """How many units a text takes, and how many its parts have room for.

    A unit is a septet in GSM 03.38 and 16 bits in UCS-2.
    """
    encoding, parts = count_parts(text)
    alphabet = _ALPHABETS[encoding]
    used = len(text) + len(alphabet.two_units.findall(text))
    return used, alphabet.single if parts == 1 else parts * alphabet.split


def truncate_to_one_part(text: str) -> str:
    """The longest beginning that fits into one part, in the encoding of the whole text."""
    alphabet = _ALPHABETS[encoding_of(text)]
    room = alphabet.single
    for index, character in enumerate(text):
        room -= 2 if alphabet.two_units.match(character) else 1
        if room < 0:
            return text[:index]
    return text
