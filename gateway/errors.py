"""Everything that can go wrong, said once: a code, an HTTP status, a public sentence.

Three families, named by who must act: ``OurError`` (we must), ``PeerError`` (the other
association must), ``Unreachable`` (nobody; it is tried again). Only these leave a module:
whoever calls a library wraps what it raises. The class says what may be shown to anyone;
``detail`` is for our own staff and logs and never crosses the border.
"""

from typing import ClassVar


class EntenteError(Exception):
    """The root of every error of ours.

    Args:
        detail: what exactly went wrong, for our own staff.
        hint: what to do next, for our own staff; empty where nothing helps.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    sentence: ClassVar[str] = "Something went wrong."

    def __init__(self, detail: str = "", *, hint: str = "") -> None:
        super().__init__(detail or self.sentence)
        self.detail = detail
        self.hint = hint


class OurError(EntenteError):
    """This installation, its operator or its input must change."""


class PeerError(EntenteError):
    """The other association sent something that we refuse."""

    status: ClassVar[int] = 400


class Unreachable(EntenteError):
    """The other side, or a resource, could not be used this time; it is tried again."""

    code: ClassVar[str] = "unreachable"
    status: ClassVar[int] = 503
    sentence: ClassVar[str] = "The other side could not be reached."


# What our own side must mend.


class ConfigInvalid(OurError):
    """``entente.toml`` cannot be used: unreadable, an unknown key, a value out of range."""

    code = "config_invalid"
    sentence = "The configuration cannot be used."


class HomeMissing(OurError):
    """There is no installation where one was expected."""

    code = "home_missing"
    sentence = "There is no Entente installation here."


class HomeExists(OurError):
    """A new installation was asked for where one already stands."""

    code = "home_exists"
    sentence = "There already is an Entente installation here."


class HomeUnusable(OurError):
    """The system does not let us read or write our own installation."""

    code = "home_unusable"
    sentence = "The installation cannot be read or written."


class KeyUnusable(OurError):
    """A key file of ours is unreadable, half written or of a kind that we do not use."""

    code = "key_unusable"
    sentence = "A private key cannot be used."


class StoreUnusable(OurError):
    """The database cannot be opened, is of a newer version, or does not keep what it commits."""

    code = "store_unusable"
    sentence = "The database cannot be used."


class StorageFull(OurError):
    """The disk is full; nothing that was acknowledged is lost, and work can be repeated."""

    code = "storage_full"
    status = 507
    sentence = "There is no space left to store this."


class SourceUnreadable(OurError):
    """A file or directory given by the user cannot be read."""

    code = "source_unreadable"
    sentence = "The file cannot be read."


class ReaderUnusable(OurError):
    """The child processes that read mail cannot be started or die before they begin."""

    code = "reader_unusable"
    sentence = "Mail cannot be read here at present."


class Unparseable(OurError):
    """Bytes that are no mail, or a mail that reached a bound; the source is kept all the same."""

    code = "unparseable"
    status = 422
    sentence = "This is not a mail that can be read."


class TableInvalid(OurError):
    """An address table is no table, is cut short, or is older than it may be."""

    code = "table_invalid"
    sentence = "The address table cannot be used."


class AddressInvalid(OurError):
    """A text that should be an IP address is none."""

    code = "address_invalid"
    status = 422
    sentence = "This is not an IP address."


class DecisionInvalid(OurError):
    """An officer's decision about hosting names no network, no country, or gives no reason."""

    code = "decision_invalid"
    status = 422
    sentence = "This cannot be decided so."


class NotFound(OurError):
    """A peer, case or report that was named does not exist here."""

    code = "not_found"
    status = 404
    sentence = "There is no such thing here."


class StepIllegal(OurError):
    """A change of state that the table of moves does not know."""

    code = "step_illegal"
    status = 409
    sentence = "This step is not possible now."


class MustNotLeave(OurError):
    """A document of ours holds something that may not cross the border; it is not sent."""

    code = "must_not_leave"
    sentence = "This may not be sent abroad."


class CheckFailed(OurError):
    """``entente check`` or ``entente verify`` found something that does not hold."""

    code = "check_failed"
    sentence = "Something does not hold."


# What the other association must mend.


class DocumentInvalid(PeerError):
    """An interchange document that breaks IODEF or our profile of it."""

    code = "document_invalid"
    status = 422
    sentence = "The document does not follow the profile."


class StatementInvalid(PeerError):
    """A peer's entity statement is refused as a whole; what was known before stays."""

    code = "statement_invalid"
    status = 422
    sentence = "The entity statement cannot be accepted."


class SignatureInvalid(PeerError):
    """A SET or statement is not signed by the key that it names."""

    code = "signature_invalid"
    status = 401
    sentence = "The signature is not valid."


class AnswerInvalid(PeerError):
    """A peer's HTTP answer cannot be used: a redirect, garbage, too large, a wrong type."""

    code = "answer_invalid"
    status = 502
    sentence = "The other side gave an answer that cannot be used."


class JsonInvalid(PeerError):
    """JSON from outside that two readers could understand differently, or that is too large."""

    code = "json_invalid"
    sentence = "The JSON is malformed, ambiguous or too large."


class TokenInvalid(PeerError):
    """A token whose shape or protected header is not the one form that we take."""

    code = "token_invalid"
    sentence = "The token is malformed."


class UrlNotAllowed(PeerError):
    """A peer's URL or its address lies outside what was enrolled for it; nothing is sent there."""

    code = "url_not_allowed"
    status = 422
    sentence = "The address is outside of what was agreed."
