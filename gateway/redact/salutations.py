"""Whom a subject greets: the name after "Dear", in the languages of Europe and some beyond.

A salutation names the recipient even where no header does. The law: only what stands right after
a word of greeting goes, and words that greet everybody stay.
Verb: ``hide_greeted``.
"""

import re
from collections.abc import Collection
from typing import Final

_GREETING: Final = (
    r"dear(?:est)?|hello|hi|hey|greetings|good (?:morning|afternoon|evening)|attn\.?"
    r"|bonjour|bonsoir|salut|ch[eè]re?|hallo|guten (?:tag|morgen|abend)|liebe[rs]?"
    r"|sehr geehrte[rs]?|moin|servus|hola|buenos d[ií]as|buenas tardes|estimad[oa]|querid[oa]"
    r"|ciao|buongiorno|buonasera|gentile|egregio|car[oa]|ol[aá]|bom dia|boa tarde|prezad[oa]"
    r"|beste|geachte|goedendag|dag|k[aæ]re|hej|hei|heisann|hyv[aä]|moi|drogi|droga|szanown[ya]"
    r"|witaj|cze[sś][cć]|dzie[nń] dobry|ahoj|v[aá][zž]en[yýá]|dobr[yý] den|mil[yýáa]|kedves"
    r"|tisztelt|szia|drag[aă]|stimat[eăa]|bun[aă]|zdravo|po[sš]tovan[ia]|dragi|merhaba"
    r"|say[ıi]n|sevgili|αγαπητ[έή]|γεια σου|уважаем(?:ый|ая)|дорог(?:ой|ая)"
    r"|здравствуйте|привет|шановн(?:ий|а)"
)
_TITLE: Final = (
    r"mr|mrs|ms|miss|mister|sir|madam|dr|prof|m|mm|mme|mlle|monsieur|madame|mademoiselle|herr"
    r"|herrn|frau|fr|hr|se[nñ]or(?:a|ita)?|sra?|srta|signor[ae]?|sig|dott|senhor[a]?|don|do[nñ]a"
    r"|dhr|mevr|mw|meneer|mevrouw|pan|pani|bay|bayan|κ|г-н|г-жа|господин|госпожа"
)
_EVERYBODY: Final = frozenset((
    "abonnent", "account", "all", "amigo", "beneficiary", "beneficial", "beloved", "buyer",
    "candidate", "cardholder", "cher", "client", "cliente", "clients", "colleague", "consumer",
    "customer", "customers", "damen", "email", "everyone", "friend", "friends", "good", "guest",
    "herr", "herren", "holder", "info", "investor", "kunde", "kunden", "kundin", "lucky", "madam",
    "member", "members", "mail", "my", "nutzer", "one", "our", "owner", "partner", "pro",
    "recipient", "shopper", "sir", "sirs", "subscriber", "taxpayer", "team", "the", "there",
    "to", "user", "users", "utilisateur", "valued", "webmail", "winner", "world", "you", "your",
    "is", "are", "this", "from", "and", "redacted",
))  # fmt: skip
"""Words that a salutation says to everybody."""
_GREETED: Final = re.compile(
    rf"(?:^|(?<=[^\w'’ \t])|(?<=[^\w'’][ \t]))((?:{_GREETING})[ \t,:!]+"
    rf"(?:(?:{_TITLE})(?:\.[ \t]*|[ \t]+)){{0,2}})"
    r"([^\W\d_][\w'’.\-]*(?:[ \t]+(?:[A-ZÀ-ÞΑ-ΩА-Я]|d[aeiu]s?\b|von\b|van\b|of\b)[\w'’.\-]*){0,3})",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[^\W_](?:[\w'’\-]|\.(?=\w))*")


def hide_greeted(text: str, instead: str, tokens: Collection[str] = ()) -> str:
    """``text`` with ``instead`` for every name that it greets, unless it is one of ``tokens``."""
    if len(text) < 4 or text.isspace():
        return text
    return _GREETED.sub(lambda greeted: _without(greeted, instead, tokens), text)


def _without(greeted: re.Match[str], instead: str, tokens: Collection[str]) -> str:
    """The greeting without the name: its first words that are capitalised, or the first one."""
    kept, gone, end = greeted[1], False, 0
    for word in _WORD.finditer(greeted[2]):
        everybody = word[0].lower() in _EVERYBODY or word[0] in tokens
        if everybody or (gone and not word[0][0].isupper()):
            break
        gone, end = True, word.end()
    return kept + instead + greeted[2][end:] if gone else greeted[0]
