"""Dates of deletion where they were missing, and holds as rows of their own.

Revision 0002, after 0001. What was written before gets the days of a new installation; ``entente
purge --reconsider`` brings it to the settings in force.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

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
    "'receipt', 'receipt-wanted', 'head', 'resync', 'keys', 'verification', 'stream-updated'"
)
_FILL = (
    f"UPDATE report SET delete_after = recorded_at + 365 * {_DAY}",
    f"UPDATE report SET forget_after = recorded_at + 365 * {_DAY} WHERE reporter <> ''",
    f"UPDATE original SET delete_after = stored_at + 180 * {_DAY}",
    f"UPDATE sent SET delete_after = signed_at + 1095 * {_DAY} WHERE kind NOT IN ({_CONTROL})",
    f"UPDATE received SET delete_after = received_at + 1095 * {_DAY}"
    f" WHERE kind NOT IN ({_CONTROL})",
    f"UPDATE conflict SET delete_after = received_at + 1095 * {_DAY}",
    "UPDATE case_reporter SET delete_after = (SELECT min(forget_after) FROM report"
    " WHERE report.case_id = case_reporter.case_id AND report.reporter = case_reporter.reporter)",
)


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "hold",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_hold")),
    )
    for table in ("case_reporter", "conflict", "peer"):
        op.add_column(table, sa.Column("delete_after", sa.BigInteger(), nullable=True))
    op.add_column("report", sa.Column("forget_after", sa.BigInteger(), nullable=True))
    op.drop_column("detail", "delete_after")
    for table in ("detail", "original", "received", "report", "sent"):
        op.drop_column(table, "hold")
    with op.batch_alter_table("original", schema=None) as batch_op:
        batch_op.alter_column("salt", existing_type=sa.LargeBinary(), nullable=True)
    with op.batch_alter_table("conflict", schema=None) as batch_op:
        batch_op.alter_column("token", existing_type=sa.LargeBinary(), nullable=True)
    for statement in _FILL:
        op.execute(statement)
    for table, column in _DATED:
        left = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_{table}_{column}", table, [column], sqlite_where=left, postgresql_where=left
        )
