"""The shelf of receipts that came in for holders (LO-8).

Frozen: what a release has run is never edited.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it; receipts that came in before are in the mailboxes and in the log."""
    op.create_table(
        "received_receipt",
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("holder_key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("instant", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["blob.digest"]),
        sa.PrimaryKeyConstraint("identifier", "holder_key", "digest"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("received_receipt")
