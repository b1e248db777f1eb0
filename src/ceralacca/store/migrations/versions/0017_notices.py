"""Notices to holders by ordinary ways. Added, so that the release before runs on it.

Frozen: what a release has run is never edited.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.add_column("mailbox", sa.Column("notices", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.create_table(
        "notice_wishes",
        sa.Column("mailbox_key", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("waiting", sa.Text(), nullable=True),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("waiting_since", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("codes", sa.Integer(), nullable=False),
        sa.Column("codes_since", sa.BigInteger(), nullable=True),
        sa.Column("webhook", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("email_trouble", sa.Text(), nullable=False),
        sa.Column("email_trouble_at", sa.BigInteger(), nullable=True),
        sa.Column("webhook_trouble", sa.Text(), nullable=False),
        sa.Column("webhook_trouble_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("mailbox_key"),
    )
    op.create_table(
        "notice",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("notice_at", "notice", ["at"])


def downgrade() -> None:
    """Take them away."""
    op.drop_table("notice")
    op.drop_table("notice_wishes")
    with op.batch_alter_table("mailbox") as batch:
        batch.drop_column("notices")
