"""Rules of mailboxes, in versions (DP-8). Added, so that the release before runs on it.

Frozen: what a release has run is never edited.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "delivery_rules",
        sa.Column("mailbox_key", sa.Text(), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox_key", "version"),
    )
    op.create_table(
        "delivery_rule",
        sa.Column("mailbox_key", sa.Text(), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("sorts", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at_least", NUMBER, nullable=True),
        sa.Column("at_most", NUMBER, nullable=True),
        sa.Column("files", sa.Boolean(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox_key", "version", "position"),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("delivery_rule")
    op.drop_table("delivery_rules")
