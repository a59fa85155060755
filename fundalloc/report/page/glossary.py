"""The glossary: what the words of a page mean, as far as they stand on it."""

from __future__ import annotations

import re

WORDS = {
    "region": "One claimant: a row of the regions file.",
    "group": "What several regions belong to, such as a province.",
    "indicator": "A measured column of the regions file.",
    "index": "Several indicators brought to the range from 0 to 1 and put together.",
    "measure": "An expression with one value for each region.",
    "resource": "What is shared out: the fund, land, places. Each has a supply, a unit and a lot.",
    "lot": "The smallest amount that can be handed out.",
    "shared out": "The supply less the reserve, rounded down to a whole lot.",
    "criterion": "One part of the key: a slice of what is shared out, divided in proportion to a measure.",
    "key": "All criteria of a resource together.",
    "entitlement": "What the key alone gives to a region.",
    "arrears": "Entitlement of past rounds that has not been paid; below 0: paid ahead.",
    "target": "The entitlement and the part of the arrears that is added now: what the objective aims at.",
    "claim": "What a region asks for.",
    "rule": "A statement on amounts that is required, preferred or only watched.",
    "floor": "The least that a rule allows.",
    "cap": "The most that a rule allows.",
    "place": "What one line of a rule speaks of: a region, a group, or all together.",
    "binds": "A rule binds where the amounts stand at its floor or cap: a little more room would change them.",
    "objective": "Which of the allocations that keep the rules is chosen.",
    "amount": "What a region gets, in whole lots.",
    "coverage": "The amount as a part of the entitlement; 100 %: all that the key gives.",
    "shift": "The part of the distance between target and amount that is booked to a rule. Every rule's shifts add up "
    "to 0: what some receive the others pay. It is an accounting, not what removing the rule would change.",
    "margin": "At the margin: for one small step. A larger step may move more or less than so many small ones.",
    "Gini": "How unequal amounts are: 0 where everybody has alike, near 1 where one has all. Half the average distance "
    "of two people drawn by lot, relative to the mean.",
    "Lorenz": "A curve that shows which share of the amounts goes to which share of the people, those with the least "
    "first. On the straight line all have alike.",
    "round": "One decision; its label is a year or any text.",
    "flag": "A remark that people should look at.",
    "SHA-256": "A fingerprint of a file: if one character changes, so does the fingerprint.",
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
    found = [
        w for w in WORDS if re.search(rf"(?<![\w-]){FORMS.get(w, re.escape(w) + 's?')}(?![\w-])", text, re.IGNORECASE)
    ]
    return [(w, WORDS[w]) for w in sorted(found, key=str.casefold)]
