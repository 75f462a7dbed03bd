"""Characters that make texts unicode."""

from __future__ import annotations

from sinch_provider.sms.campaign.odd import KEPT, Odd, OddCharacters
from sinch_provider.sms.fields.encoding import parts_of


def counted(*texts: str) -> OddCharacters:
    odd = OddCharacters()
    for text in texts:
        odd.add(text, parts_of(text))
    return odd


def test_people_are_counted_not_places() -> None:
    found = counted("Zoë Zoë", "“Zoë”", "жж").found()
    assert found[0] == Odd("ë", 2, "e")
    assert sorted(found[1:]) == [Odd("ж", 1, None), Odd("“", 1, '"'), Odd("”", 1, '"')]


def test_parts_that_plain_characters_would_save() -> None:
    long = "Zoë" + "a" * 140
    assert counted(long).avoidable_parts == 2
    assert counted(long, long).avoidable_parts == 4
    # With one that has no plain one, the text stays unicode.
    assert counted(long + "ж").avoidable_parts == 0
    assert counted("Zoë").avoidable_parts == 0


def test_a_replacement_may_take_more_room() -> None:
    text = "™" * 70 + "a" * 65
    assert parts_of(text).number == 3
    assert counted(text).avoidable_parts == 1


def test_many_different_ones_are_not_kept() -> None:
    odd = counted(*(chr(0x4E00 + each) for each in range(3 * KEPT)), chr(0x4E00))
    assert len(odd.found()) == KEPT
    assert odd.found()[0] == Odd("一", 2, None)
