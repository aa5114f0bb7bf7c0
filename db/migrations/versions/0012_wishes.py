"""Wishes of clients to cancel or to move a booking, stored in a transaction of the client's own."""

from alembic import op

revision = "0012_wishes"
down_revision = "0011_lines"

_STATEMENTS = """
-- A row is one wish that nobody has read yet (db/models/changes.py). There is no foreign key to `appointments`: its
-- check locks the booking until the client's transaction ends, and a worker could not write the booking meanwhile.
CREATE TABLE change_wishes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    appointment_id bigint NOT NULL,
    kind text NOT NULL,
    start_at timestamptz,
    reason text,
    idempotency_key text,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT change_wishes_kind_known CHECK (kind IN ('cancel', 'reschedule')),
    CONSTRAINT change_wishes_start_wanted CHECK ((kind = 'reschedule') = (start_at IS NOT NULL)),
    CONSTRAINT change_wishes_start_real CHECK (start_at BETWEEN '2000-01-01Z' AND '2101-01-01Z')
);
-- outcome, change_wish: of one booking, in their order
CREATE INDEX change_wishes_appointment ON change_wishes (appointment_id, id);

-- A client stores wishes, and reads how changes stand. Each role that may already cancel a booking by hand, for it may
-- update `appointments`, gets these rights here; a later role gets them from its operator (docs/calling.md).
DO $$
DECLARE
    client oid;
BEGIN
    FOR client IN
        SELECT granted.grantee
        FROM pg_class AS own, aclexplode(own.relacl) AS granted
        WHERE own.oid = CAST('appointments' AS regclass) AND granted.grantee <> 0
            AND granted.grantee <> own.relowner AND granted.privilege_type IN ('SELECT', 'INSERT', 'UPDATE')
        GROUP BY granted.grantee
        HAVING count(DISTINCT granted.privilege_type) = 3
    LOOP
        EXECUTE 'GRANT SELECT, INSERT, DELETE ON change_wishes TO ' || CAST(client AS regrole);
        EXECUTE 'GRANT SELECT ON booking_changes TO ' || CAST(client AS regrole);
    END LOOP;
END
$$;
"""
_DOWN = "DROP TABLE change_wishes"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)
