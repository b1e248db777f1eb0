"""Where in a pack the octets of a letter lie. Added, so that the release before runs on it.

That one does not find such octets and does their jobs later again, until its host has this release too.

Frozen: what a release has run is never edited.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column."""
    op.add_column("blob", sa.Column("place", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("blob", "place")
