"""Delegations of mailboxes; sessions know theirs, and half of what their ticket is made of (SE-3).

Frozen: what a release has run is never edited.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the columns."""
    op.create_table(
        "delegation",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("mailbox_key", sa.Text(), nullable=False),
        sa.Column("delegate", sa.Text(), nullable=False),
        sa.Column("delegate_key", sa.Text(), nullable=False),
        sa.Column("delegation_right", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("delegation_mailbox", "delegation", ["mailbox_key"])
    op.create_index("delegation_delegate", "delegation", ["delegate_key"])
    op.add_column("web_session", sa.Column("salt", sa.Text(), nullable=False, server_default=""))
    op.add_column("web_session", sa.Column("delegation", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Take them away."""
    op.drop_column("web_session", "delegation")
    op.drop_column("web_session", "salt")
    op.drop_table("delegation")
