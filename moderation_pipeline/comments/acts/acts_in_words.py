"""Moderators' acts as programs word them for people: Chatterino, justlog, rustlog, Twitch's own notices.

Written from Chatterino's MessageBuilder, EventSub's MessageBuilder and IrcMessageHandler, justlog's and
rustlog's plain text, and chat-downloader's formats. Who may say such words in a log (a user may type them
too) is the readers' business.
"""

from __future__ import annotations

import re

from moderation_pipeline.comments.record import Act, ActKind

USER = r"(?P<user>[^\s:]+?)"
BY = r"(?P<by>\S+) "
IN = r"(?: in \S+?)?"
"""A shared chat's act names the channel in which it was done."""

ENDS = r"(?=[.:]?(?:\s|$))"

WORDINGS: tuple[tuple[str, ActKind], ...] = (
    (rf"{USER} has been timed out(?: for | by |{ENDS})", ActKind.TIMEOUT),
    (rf"{USER} was timed out for ", ActKind.TIMEOUT),
    (rf"{BY}timed out {USER} for ", ActKind.TIMEOUT),
    (rf"{USER} has been (?:permanently )?banned{ENDS}", ActKind.BAN),
    (rf"{USER} was permanently banned{ENDS}", ActKind.BAN),
    (rf"{USER} is now banned from this channel", ActKind.BAN),
    (rf"{BY}banned {USER}{IN}{ENDS}", ActKind.BAN),
    (rf"(?:{BY}has|A moderator) warned {USER}{ENDS}", ActKind.WARN),
    (rf"{BY}deleted (?:a )?message from {USER}{IN}(?: saying)? ?: ?(?P<quoted>.*)", ActKind.DELETE),
    (rf"A message from {USER} was deleted: ?(?P<quoted>.*)", ActKind.DELETE),
    (rf"The message from {USER} is now deleted", ActKind.DELETE),
    (rf"{BY}(?:unbanned|untimedout) {USER}{IN}{ENDS}", ActKind.LIFT),
    (rf"{USER} is no longer (?:banned|timed out)", ActKind.LIFT),
    (rf"{BY}approved the unban request from {USER}{ENDS}", ActKind.OVERTURN),
    (rf"{BY}added {USER} as a (?:monitored|restricted) suspicious chatter", ActKind.UNKNOWN),
    (rf"{BY}cleared the chat{ENDS}", ActKind.CLEAR),
    (r"Chat has been cleared| ?has been banned", ActKind.CLEAR),
    (r"You (?:were|have been|are) (?:permanently |now )?banned\b", ActKind.BAN),
    (r"You (?:were|have been|are) (?:now )?timed out\b", ActKind.TIMEOUT),
    (rf"{BY}denied the unban request from {USER}{ENDS}", ActKind.NO_LABEL),
    (rf"{BY}turned (?:on|off) \S+ mode\b", ActKind.NO_LABEL),
    (rf"{BY}(?:modded|unmodded) {USER}{ENDS}", ActKind.NO_LABEL),
    (rf"{BY}has (?:added|removed) {USER} as a VIP of this channel", ActKind.NO_LABEL),
    (rf"{BY}removed {USER} from the suspicious user list", ActKind.NO_LABEL),
    (rf"{BY}(?:initiated|canceled) (?:a|the) raid\b", ActKind.NO_LABEL),
    (rf"{BY}(?:added|removed) \".*\" as (?:a )?(?:permitted|blocked) terms? on AutoMod", ActKind.NO_LABEL),
    (rf"{BY}modified the AutoMod properties", ActKind.NO_LABEL),
)
PATTERNS = tuple((re.compile(wording, re.DOTALL), kind) for wording, kind in WORDINGS)


def act_in_words(said: str, by: str | None = None) -> Act | None:
    """Return the act that the words tell of, without channel and time; None where they tell of none.

    With `by`, only what that moderator did counts. A target is a login as often as a shown name, so it is
    given as both.
    """
    for pattern, kind in PATTERNS:
        found = pattern.match(said)
        if found is not None:
            groups = found.groupdict()
            if by is not None and (groups.get("by") or "").lower() != by.lower():
                continue
            user, quoted = groups.get("user"), groups.get("quoted")
            return Act(
                kind, None, user.lower() if user else None, user, quoted=(quoted or "").strip() or None
            )
    return None
