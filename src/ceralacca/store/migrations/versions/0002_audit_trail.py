"""The audit trail: who did what with the service (SE-3, SE-4).

Frozen: what a release has run is never edited.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "audit_event",
        sa.Column("seq", NUMBER, autoincrement=False, nullable=False),
        sa.Column("instant", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=True),
        sa.Column("mailbox_key", sa.Text(), nullable=True),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("audit_event_act", "audit_event", ["act", "seq"])
    op.create_index("audit_event_instant", "audit_event", ["instant"])
    op.create_index(
        "audit_event_mailbox",
        "audit_event",
        ["mailbox_key", "seq"],
        sqlite_where=sa.text("mailbox_key IS NOT NULL"),
        postgresql_where=sa.text("mailbox_key IS NOT NULL"),
    )


def downgrade() -> None:
    """Take it away, with everything in it."""
    op.drop_table("audit_event")
