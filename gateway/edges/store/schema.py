"""Every table of an installation, once, for SQLite and PostgreSQL (DESIGN section 5).

Times are integers: microseconds since 1970 in UTC, so that both databases order them alike.
What names a person (``detail``, ``token``, originals) stands apart from what proves (ids,
digests, verdicts), so that the first can be deleted while the second still verifies. Every
table with personal data is dated by ``delete_after`` (None: there is nothing left to delete), or
by the column that ``gateway/docs/retention.md`` names; ``hold`` says what may not be deleted.
"""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Text = sa.Text
Big = sa.BigInteger
Bytes = sa.LargeBinary


def _dated(table: str, column: str = "delete_after") -> sa.Index:
    """The index by which a purge finds what is due, without those whose time is over."""
    left = sa.text(f"{column} IS NOT NULL")
    return sa.Index(f"ix_{table}_{column}", column, sqlite_where=left, postgresql_where=left)


def _column(name: str, kind: type, *, null: bool = False, key: bool = False) -> sa.Column[object]:
    return sa.Column(name, kind, nullable=null, primary_key=key)


report = sa.Table(
    "report",
    metadata,
    _column("id", Text, key=True),
    _column("issuer", Text),  # our own id, or the peer that reported it
    _column("source_sha256", Text),  # local: digest of the source; abroad: the incident's id
    _column("reporter", Text),  # keyed pseudonym; empty where nobody was named
    _column("recorded_at", Big),
    _column("seen_at", Big),  # the border's stamp, else when it was recorded
    _column("state", Text),  # filed | unparseable | withdrawn
    _column("fate", Text),  # kept | to_refer | referred | too_old
    _column("why", Text),
    _column("origin", Text, null=True),
    _column("country", Text, null=True),
    _column("network", Text),
    _column("category", Text),
    _column("campaign", Text, null=True),
    _column("case_id", Text, null=True),
    _column("delete_after", Big, null=True),
    _column("forget_after", Big, null=True),  # when nobody may tell any more whose report it was
    sa.UniqueConstraint("issuer", "source_sha256", "reporter"),
    _dated("report"),
    _dated("report", "forget_after"),
    sa.Index("ix_report_case_id", "case_id", "id"),
    sa.Index(
        "ix_report_to_refer",
        "case_id",
        sqlite_where=sa.text("fate = 'to_refer'"),
        postgresql_where=sa.text("fate = 'to_refer'"),
    ),
)
detail = sa.Table(
    "detail",
    metadata,
    _column("report_id", Text, key=True),
    _column("content", Bytes),  # the Report as read, msgpack; it goes with its report's date
)
original = sa.Table(
    "original",
    metadata,
    _column("sha256", Text, key=True),
    _column("size", Big),
    _column("salt", Bytes, null=True),  # hides the digest abroad; it leaves and goes with the mail
    _column("salted", Bytes),  # the digest that may cross: of the salt and the source
    _column("stored_at", Big),
    _column("delete_after", Big, null=True),
    _dated("original"),
)
campaign = sa.Table(
    "campaign",
    metadata,
    _column("id", Text, key=True),
    _column("leader", Bytes),  # the Fingerprint of its first mail, msgpack
    _column("kit", Text),  # what that mail was made with; empty where nothing shows it
    _column("first_seen", Big),
    sa.Index("ix_campaign_kit", "kit"),
)
campaign_exact = sa.Table(
    "campaign_exact",
    metadata,
    _column("exact", Text, key=True),
    _column("campaign", Text),
    sqlite_with_rowid=False,
)
campaign_mark = sa.Table(
    "campaign_mark",
    metadata,
    _column("mark", Big, key=True),
    _column("campaign", Text, key=True),
    _column("entered_at", Big),  # a full mark gives up its oldest campaign
    sqlite_with_rowid=False,
)
case = sa.Table(
    "case_file",
    metadata,
    _column("id", Text, key=True),
    _column("campaign", Text),
    _column("country", Text),  # empty where unknown
    _column("network", Text),
    _column("category", Text),
    _column("peer", Text, null=True),
    _column("shelf", Text, null=True),  # why it goes nowhere
    _column("reason", Text),
    _column("reports", sa.Integer),
    _column("reporters", sa.Integer),
    _column("first_seen", Big),
    _column("last_seen", Big),
    # When the first report came here; 0 for a case that is older than this column.
    sa.Column("opened_at", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("foreign_issuer", sa.Text, nullable=False, server_default=""),
    sa.Column("foreign_id", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("campaign", "country", "network", "foreign_issuer", "foreign_id"),
    sa.Index("ix_case_file_peer", "peer"),
    sa.Index(
        "ix_case_file_waiting",
        "opened_at",
        "id",
        sqlite_where=sa.text("shelf = 'waiting'"),
        postgresql_where=sa.text("shelf = 'waiting'"),
    ),
    sa.Index("ix_case_file_foreign", "foreign_issuer", "foreign_id"),
)
case_reporter = sa.Table(
    "case_reporter",
    metadata,
    # A key of its own: the pseudonym goes one day, and a key is what everybody writes down.
    sa.Column("number", sa.Integer, primary_key=True),
    _column("case_id", Text),
    _column("reporter", Text),
    _column("delete_after", Big, null=True),
    sa.UniqueConstraint("case_id", "reporter"),
    _dated("case_reporter"),
)
correction = sa.Table(
    "correction",
    metadata,
    _column("about", Text, key=True),  # a case or a report
    # From 1; the last one holds.
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    _column("category", Text),
    _column("was", Text),
    _column("because", Text),
    _column("at", Big),
)
peer = sa.Table(
    "peer",
    metadata,
    _column("id", Text, key=True),
    _column("record", Bytes),  # trust.Peer as JSON: countries, agreement, endpoints, priority
    _column("ca", Text),  # the certificate authority enrolled for it; empty: the public ones
    _column("door", Bytes, null=True),  # SHA-256 of the secret it opens our door with
    _column("state", Text),  # live | ended
    _column("added_at", Big),
    _column("delete_after", Big, null=True),  # when the names of its people go
)
statement = sa.Table(
    "statement",
    metadata,
    _column("sha256", Text, key=True),
    _column("peer", Text),
    _column("token", Bytes),
    _column("issued_at", Big),
    _column("accepted_at", Big),
)
key = sa.Table(
    "key",
    metadata,
    _column("peer", Text, key=True),
    _column("kid", Text, key=True),
    _column("record", Bytes),  # trust.Key as JSON
    _column("statement", Text),
)
stream = sa.Table(
    "stream",
    metadata,
    _column("peer", Text, key=True),
    _column("direction", Text, key=True),  # out | in
    _column("epoch", sa.Integer),
    _column("place", Big),  # the last place given
    _column("number", Big),  # how many SETs were delivered
    _column("digest", Bytes),  # the sum of their digests, modulo 2^256
    _column("head", Bytes, null=True),  # the peer's last head as JSON, with what we found
)
sent = sa.Table(
    "sent",
    metadata,
    _column("peer", Text, key=True),
    _column("jti", Text, key=True),
    _column("epoch", sa.Integer),
    _column("place", Big),
    _column("kind", Text),
    _column("digest", Bytes),
    _column("token", Bytes, null=True),
    _column("state", Text),  # protocol.MOVES
    _column("why", Text),
    _column("report_id", Text, null=True),
    _column("case_id", Text, null=True),
    _column("signed_at", Big),
    _column("attempts", sa.Integer),
    _column("delivered_at", Big, null=True),
    _column("proved_at", Big, null=True),
    _column("receipt", Text, null=True),  # the jti of the receipt that proves it
    _column("delete_after", Big, null=True),
    _dated("sent"),
    sa.UniqueConstraint("peer", "epoch", "place"),
    sa.Index(
        "ix_sent_queue",
        "peer",
        "place",
        sqlite_where=sa.text("state IN ('queued', 'sent', 'recalled')"),
        postgresql_where=sa.text("state IN ('queued', 'sent', 'recalled')"),
    ),
    sa.Index("ix_sent_report_id", "report_id"),
)
received = sa.Table(
    "received",
    metadata,
    _column("issuer", Text, key=True),
    _column("jti", Text, key=True),
    _column("kind", Text),
    _column("digest", Bytes),
    _column("token", Bytes, null=True),
    _column("verdict", Text),
    _column("code", Text),
    _column("why", Text),
    _column("txn", Text, null=True),
    _column("follows", Text, null=True),
    _column("report_id", Text, null=True),
    _column("case_id", Text, null=True),
    _column("received_at", Big),
    _column("delete_after", Big, null=True),
    _dated("received"),
    sa.Index(
        "ix_received_held",
        "issuer",
        "follows",
        sqlite_where=sa.text("verdict = 'held'"),
        postgresql_where=sa.text("verdict = 'held'"),
    ),
)
conflict = sa.Table(
    "conflict",
    metadata,
    _column("digest", Bytes, key=True),
    _column("issuer", Text),
    _column("jti", Text),
    _column("token", Bytes, null=True),
    _column("received_at", Big),
    _column("delete_after", Big, null=True),
    _dated("conflict"),
)
decision = sa.Table(
    "hosting_decision",
    metadata,
    _column("id", Text, key=True),
    _column("prefix", Text),  # in its one spelling
    _column("country", Text),
    _column("because", Text),
    _column("decided_at", Big),
    _column("ended_at", Big, null=True),  # since when it holds no longer
    _column("ended_because", Text),
    sa.Index(
        "uq_hosting_decision_holding",
        "prefix",
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
)
journal = sa.Table(
    "journal",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    _column("at", Big),
    _column("kind", Text),
    _column("content", Bytes, null=True),
    _column("salt", Bytes, null=True),
    _column("digest", Bytes),  # of salt and content; stays when they are deleted
    _column("head", Bytes),  # of the head before and this entry
)
hold = sa.Table(
    "hold",
    metadata,
    _column("subject", Text, key=True),  # the id of a case or of a report
    _column("because", Text),
    _column("since", Big),
)
inventory = sa.Table(
    "inventory",
    metadata,
    # The journal entry of kind "rows" whose digest is that of ``lines``.
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    _column("shape", Text),  # which columns of which tables were digested
    _column("salt", Bytes, null=True),  # of every row's digest
    _column("lines", Bytes),  # part, key and digest of each row that the transaction wrote
)
journal_head = sa.Table(
    "journal_head",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    _column("frontier", Bytes),  # the full subtrees of the tree over the heads
    _column("token", Bytes),  # the newest head, signed by the log key
)
setting = sa.Table(
    "setting",
    metadata,
    _column("name", Text, key=True),
    _column("value", Text),
)
