"""Where a mailbox wants its ordinary mail (IP-20). Added, so that the release before runs on it.

Frozen: what a release has run is never edited.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it."""
    op.add_column("mailbox", sa.Column("forward_to", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take it away."""
    with op.batch_alter_table("mailbox") as batch:
        batch.drop_column("forward_to")
