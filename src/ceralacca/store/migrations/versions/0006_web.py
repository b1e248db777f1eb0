"""Sessions of the web pages; sent messages found by their sender.

The new column may be empty: processes of the release before write rows without it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them, and fill the column for what was sent before."""
    op.add_column("sent_message", sa.Column("sender_key", sa.Text(), nullable=True))
    op.execute("UPDATE sent_message SET sender_key = lower(sender)")
    op.create_index("sent_message_sender", "sent_message", ["sender_key", "accepted"], unique=False)
    op.create_table(
        "web_session",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("holder_key", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("may_send", sa.Boolean(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("ticket"),
    )
    op.create_index("web_session_holder", "web_session", ["holder_key"], unique=False)


def downgrade() -> None:
    """Take them away."""
    op.drop_table("web_session")
    op.drop_index("sent_message_sender", "sent_message")
    op.drop_column("sent_message", "sender_key")
