"""Blocks and files of the sealed log (LO-4 to LO-6).

Frozen: what a release has run is never edited.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "log_block",
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("sealed", sa.BigInteger(), nullable=False),
        sa.Column("first", NUMBER, nullable=False),
        sa.Column("rows", NUMBER, nullable=False),
        sa.Column("last_seq", NUMBER, nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("row_hash", sa.Text(), nullable=False),
        sa.Column("marks_hash", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.Column("marks", sa.LargeBinary(), nullable=True),
        sa.Column("witnessed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("ledger", "number"),
    )
    op.create_index("log_block_sealed", "log_block", ["ledger", "sealed"])
    op.create_index(
        "log_block_witness",
        "log_block",
        ["ledger", "number"],
        sqlite_where=sa.text("NOT witnessed"),
        postgresql_where=sa.text("NOT witnessed"),
    )
    op.create_table(
        "log_file",
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.BigInteger(), nullable=False),
        sa.Column("first_block", NUMBER, nullable=False),
        sa.Column("last_block", NUMBER, nullable=False),
        sa.Column("first", NUMBER, nullable=False),
        sa.Column("rows", NUMBER, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("octets", NUMBER, nullable=False),
        sa.Column("stamped", sa.BigInteger(), nullable=True),
        sa.Column("altered", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ledger", "number"),
    )


def downgrade() -> None:
    """Take them away, with every seal in them."""
    op.drop_table("log_file")
    op.drop_table("log_block")
