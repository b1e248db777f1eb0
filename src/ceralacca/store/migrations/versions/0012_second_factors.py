"""Second factors, known places and alarms of holders (SE-3).

Frozen: what a release has run is never edited.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = ("safety_alarm", "known_place", "spent_challenge", "recovery_code", "passkey", "totp")


def upgrade() -> None:
    """Make the tables."""
    op.add_column("web_session", sa.Column("confirmed", sa.BigInteger(), nullable=True))
    op.create_table(
        "totp",
        sa.Column("mailbox_key", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", _NUMBER, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("mailbox_key"),
    )
    op.create_table(
        "passkey",
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("mailbox_key", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", _NUMBER, nullable=False),
        sa.Column("transports", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("credential"),
    )
    op.create_index("passkey_mailbox", "passkey", ["mailbox_key"])
    op.create_table(
        "recovery_code",
        sa.Column("mailbox_key", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox_key", "hash"),
    )
    op.create_table(
        "spent_challenge",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "known_place",
        sa.Column("mailbox_key", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox_key", "place"),
    )
    op.create_table(
        "safety_alarm",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("mailbox_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("instant", sa.BigInteger(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=True),
        sa.Column("sent", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index("safety_alarm_mailbox", "safety_alarm", ["mailbox_key", "number"])
    op.create_index(
        "safety_alarm_unsent",
        "safety_alarm",
        ["number"],
        sqlite_where=sa.text("sent IS NULL"),
        postgresql_where=sa.text("sent IS NULL"),
    )


def downgrade() -> None:
    """Take them away."""
    for name in _TABLES:
        op.drop_table(name)
    op.drop_column("web_session", "confirmed")
