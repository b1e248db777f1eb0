"""Who has claimed a job. Added, so that the release before runs on it: it leaves what it does not know.

Frozen: what a release has run is never edited.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column."""
    op.add_column("job", sa.Column("claimed_by", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("job", "claimed_by")
