"""Policy and corrections: when a case was opened, and what was judged by hand.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the tables up to this revision."""
    op.create_table(
        "correction",
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("was", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("delete_after", sa.BigInteger(), nullable=True),
        sa.Column("hold", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("about", "number", name=op.f("pk_correction")),
    )
    with op.batch_alter_table("case_file", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("opened_at", sa.BigInteger(), server_default="0", nullable=False)
        )
        batch_op.create_index(
            "ix_case_file_waiting",
            ["opened_at", "id"],
            unique=False,
            sqlite_where=sa.text("shelf = 'waiting'"),
            postgresql_where=sa.text("shelf = 'waiting'"),
        )
