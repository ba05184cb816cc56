"""Campaigns are known by their lure, and show their kit.

Revision 0003, after 0002.

Fingerprints are made another way, so those of 0001 are given up: reports and cases keep their
campaign's name, and the next mail of a mailing founds a new one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring the tables up to this revision."""
    for table in ("campaign_mark", "campaign_exact", "campaign"):
        op.drop_table(table)
    op.create_table(
        "campaign",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("leader", sa.LargeBinary(), nullable=False),
        sa.Column("kit", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
    )
    op.create_index("ix_campaign_kit", "campaign", ["kit"])
    op.create_table(
        "campaign_exact",
        sa.Column("exact", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("exact", name=op.f("pk_campaign_exact")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "campaign_mark",
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mark", "campaign", name=op.f("pk_campaign_mark")),
        sqlite_with_rowid=False,
    )
