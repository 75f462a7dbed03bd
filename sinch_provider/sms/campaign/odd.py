"""Odd characters: those that make texts unicode, how many texts have them, and what plain ones would save."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from sinch_provider.sms.fields.encoding import Parts, odd_in, parts_of, plain

#: The most different characters that are told apart. Texts in a language with its own letters have that many.
KEPT: Final = 100


class Odd(NamedTuple):
    """
    A character that makes texts unicode.

    :param character: The character.
    :param people: How many people's texts contain it.
    :param plain: What could stand for it; None: nothing can.
    """

    character: str
    people: int
    plain: str | None


class OddCharacters:
    """Counts odd characters in the texts of a campaign, without keeping texts."""

    def __init__(self) -> None:
        self._people: Counter[str] = Counter()
        self._plain: dict[str, str | None] = {}
        #: Parts that all texts together would save with plain characters, where these exist.
        self.avoidable_parts = 0

    def add(self, text: str, parts: Parts) -> None:
        """
        Count those of one person.

        :param text: A text that is unicode.
        :param parts: Its parts.
        """
        odd = odd_in(text)
        for character in odd:
            if character in self._people or len(self._people) < KEPT:
                self._people[character] += 1
        if parts.number > 1:
            plains = [(character, self._plain_of(character)) for character in odd]
            for character, said in plains:
                if said is None:
                    return
                text = text.replace(character, said)
            self.avoidable_parts += parts.number - min(parts.number, parts_of(text).number)

    def found(self) -> list[Odd]:
        """Return them, those of most people first."""
        return [Odd(each, people, self._plain_of(each)) for each, people in self._people.most_common()]

    def _plain_of(self, character: str) -> str | None:
        if character not in self._plain:
            if len(self._plain) >= KEPT * KEPT:
                self._plain.clear()
            self._plain[character] = plain(character)
        return self._plain[character]
