"""Entry of alembic: runs migrations on the connection that `store.schema` gives, in its transaction."""

from alembic import context

from ceralacca.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
