"""The glossary: what the words of a page mean, as far as they stand on it."""

from __future__ import annotations

import re

from fundalloc.language import phrase, say, spoken

WORDS = {
    phrase("region"): phrase("One claimant: a row of the regions file."),
    phrase("group"): phrase("What several regions belong to, such as a province."),
    phrase("indicator"): phrase("A measured column of the regions file."),
    phrase("index"): phrase("Several indicators brought to the range from 0 to 1 and put together."),
    phrase("measure"): phrase("An expression with one value for each region."),
    phrase("resource"): phrase("What is shared out: the fund, land, places. Each has a supply, a unit and a lot."),
    phrase("lot"): phrase("The smallest amount that can be handed out."),
    phrase("shared out"): phrase("The supply less the reserve, rounded down to a whole lot."),
    phrase("criterion"): phrase(
        "One part of the key: a slice of what is shared out, divided in proportion to a measure."
    ),
    phrase("key"): phrase("All criteria of a resource together."),
    phrase("entitlement"): phrase("What the key alone gives to a region."),
    phrase("arrears"): phrase("Entitlement of past rounds that has not been paid; below 0: paid ahead."),
    phrase("target"): phrase(
        "The entitlement and the part of the arrears that is added now: what the objective aims at."
    ),
    phrase("claim"): phrase("What a region asks for."),
    phrase("rule"): phrase("A statement on amounts that is required, preferred or only watched."),
    phrase("floor"): phrase("The least that a rule allows."),
    phrase("cap"): phrase("The most that a rule allows."),
    phrase("place"): phrase("What one line of a rule speaks of: a region, a group, or all together."),
    phrase("binds"): phrase(
        "A rule binds where the amounts stand at its floor or cap: a little more room would change them."
    ),
    phrase("objective"): phrase("Which of the allocations that keep the rules is chosen."),
    phrase("amount"): phrase("What a region gets, in whole lots."),
    phrase("coverage"): phrase("The amount as a part of the entitlement; 100 %: all that the key gives."),
    phrase("shift"): phrase(
        "The part of the distance between target and amount that is booked to a rule. Every rule's shifts add"
        " up to 0: what some receive the others pay. It is an accounting, not what removing the rule would "
        "change."
    ),
    phrase("margin"): phrase(
        "At the margin: for one small step. A larger step may move more or less than so many small ones."
    ),
    phrase("Gini"): phrase(
        "How unequal amounts are: 0 where everybody has alike, near 1 where one has all. Half the average "
        "distance of two people drawn by lot, relative to the mean."
    ),
    phrase("Lorenz"): phrase(
        "A curve that shows which share of the amounts goes to which share of the people, those with the "
        "least first. On the straight line all have alike."
    ),
    phrase("round"): phrase("One decision; its label is a year or any text."),
    phrase("flag"): phrase("A remark that people should look at."),
    phrase("SHA-256"): phrase("A fingerprint of a file: if one character changes, so does the fingerprint."),
}
#: forms of a word that are not the word with an s
FORMS = {
    "criterion": "criteri(?:on|a)",
    "index": "ind(?:ex|ices)",
    "binds": "bind(?:s|ing)?",
    "Lorenz": "Lorenz curves?",
}


def glossary(text: str) -> list[tuple[str, str]]:
    """The words that stand in a text, with what they mean, in the order of the alphabet."""
    found = [word for word in WORDS if _stands(word, text)]
    return sorted(((say(word), say(WORDS[word])) for word in found), key=lambda entry: entry[0].casefold())


def _stands(word: str, text: str) -> bool:
    """Whether a word stands in a text: in English as a whole word, in languages without spaces anywhere."""
    if spoken() not in (None, "en"):
        return say(word) in text
    form = FORMS.get(word, re.escape(word) + "s?")
    return re.search(rf"(?<![\w-]){form}(?![\w-])", text, re.IGNORECASE) is not None
