"""The letterhead of notices: the section `[notices]` of the policy."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from fundalloc.language import phrase, say

OBJECT = phrase(
    "If you think that a figure about you is wrong, or that a rule was applied in another way than it is stated, "
    "write to the body that decided this round. Name the round, your identifier and the step of this letter that "
    "you object to, and say what would be right and how that can be seen."
)
CLOSING = phrase("Yours faithfully")


class NoticesSection(BaseModel):
    """What every letter says of who sends it, and of how to object."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    sender: str = Field("", description="Who sends the letters; a new line for each line of the address.")
    object: str = Field(OBJECT, description="How to object.")
    deadline: str = Field("", description="By when to object, such as 30 June 2025.")
    closing: str = Field(CLOSING, description="The last line, above the name of the sender.")

    @property
    def until(self) -> str:
        """By when to object, as a sentence."""
        if self.deadline:
            return say("Your objection must have arrived by {deadline}.", deadline=self.deadline)
        return say(
            "The policy of the fund names no day by which to object: the law or agreement behind it does, if any."
        )
