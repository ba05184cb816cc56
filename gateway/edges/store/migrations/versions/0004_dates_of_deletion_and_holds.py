"""Dates of deletion where they were missing, and holds as rows of their own.

Revision 0004, after 0003. What was written before gets the days of a new installation; ``entente
purge --reconsider`` brings it to the settings in force.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_DAY = 86_400_000_000
_DATED = (
    ("case_reporter", "delete_after"),
    ("conflict", "delete_after"),
    ("original", "delete_after"),
    ("received", "delete_after"),
    ("report", "delete_after"),
    ("report", "forget_after"),
    ("sent", "delete_after"),
)
_CONTROL = (
    "receipt",
    "receipt-wanted",
    "head",
    "resync",
    "keys",
    "verification",
    "stream-updated",
)


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns))


def _fill() -> None:
    """Date what stands already."""
    report = _table("report", "case_id", "reporter", "recorded_at", "delete_after", "forget_after")
    until = report.c.recorded_at + 365 * _DAY
    op.execute(report.update().values(delete_after=until))
    op.execute(report.update().where(report.c.reporter != "").values(forget_after=until))
    original = _table("original", "stored_at", "delete_after")
    op.execute(original.update().values(delete_after=original.c.stored_at + 180 * _DAY))
    for name, since in (("sent", "signed_at"), ("received", "received_at")):
        sets = _table(name, "kind", since, "delete_after")
        dated = sets.update().where(sets.c.kind.not_in(_CONTROL))
        op.execute(dated.values(delete_after=sets.c[since] + 1_095 * _DAY))
    conflict = _table("conflict", "received_at", "delete_after")
    op.execute(conflict.update().values(delete_after=conflict.c.received_at + 1_095 * _DAY))
    pair = _table("case_reporter", "case_id", "reporter", "delete_after")
    first = sa.select(sa.func.min(report.c.forget_after)).where(
        report.c.case_id == pair.c.case_id, report.c.reporter == pair.c.reporter
    )
    op.execute(pair.update().values(delete_after=first.scalar_subquery()))


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "hold",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_hold")),
    )
    op.rename_table("case_reporter", "case_reporter_old")
    new = op.create_table(
        "case_reporter",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("reporter", sa.Text(), nullable=False),
        sa.Column("delete_after", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_case_reporter")),
        sa.UniqueConstraint("case_id", "reporter", name=op.f("uq_case_reporter_case_id_reporter")),
    )
    before = _table("case_reporter_old", "case_id", "reporter")
    op.execute(sa.insert(new).from_select(["case_id", "reporter"], before.select()))
    op.drop_table("case_reporter_old")
    for table in ("conflict", "peer"):
        op.add_column(table, sa.Column("delete_after", sa.BigInteger(), nullable=True))
    op.add_column("report", sa.Column("forget_after", sa.BigInteger(), nullable=True))
    op.drop_column("detail", "delete_after")
    op.drop_column("correction", "delete_after")
    for table in ("correction", "detail", "original", "received", "report", "sent"):
        op.drop_column(table, "hold")
    with op.batch_alter_table("original", schema=None) as batch_op:
        batch_op.alter_column("salt", existing_type=sa.LargeBinary(), nullable=True)
    with op.batch_alter_table("conflict", schema=None) as batch_op:
        batch_op.alter_column("token", existing_type=sa.LargeBinary(), nullable=True)
    _fill()
    for table, column in _DATED:
        left = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_{table}_{column}", table, [column], sqlite_where=left, postgresql_where=left
        )
