-- Take a change for one attempt, if its turn has come: of two deliveries at once, exactly one finds it.
-- Never two calls that change one uid: while another change of it is at work or of unknown outcome, or will be sent again, this
-- one is not taken, and goes on when that one ends (change_next.sql). Of two that are taken in the same moment the unique
-- index refuses one. What is unknown itself keeps the uid, and is looked for.
-- Of one booking the changes go in the order in which they were asked for.
-- The token is a UUID of version 8, as that of a booking: workers that would cancel a whole series where some weeks are meant
-- write other ones, and a CHECK refuses those.
-- It comes back with the hold reason of those before it in its account's line, as a booking does (claim.sql), with its
-- account's state, and with its booking: who writes where that is at Cal.com has committed before it sends a change on.
WITH claimed AS (
    UPDATE booking_changes AS wanted
    SET status = 'changing',
        claim_token = CAST(overlay(CAST(gen_random_uuid() AS text) PLACING '8' FROM 15) AS uuid),
        lease_expires_at = now() + make_interval(secs => :lease_seconds),
        next_attempt_at = NULL,
        updated_at = now()
    WHERE id = :change_id
        AND status IN ('pending', 'retrying')
        AND (next_attempt_at IS NULL OR next_attempt_at <= now() + make_interval(secs => :early_seconds))
        AND (outcome_unknown OR NOT EXISTS (
            SELECT FROM booking_changes AS other
            WHERE other.service = wanted.service AND other.from_uid = wanted.from_uid AND other.id <> wanted.id
                AND other.status IN ('waiting', 'pending', 'changing', 'retrying', 'held')
                AND (
                    other.status = 'changing' OR other.outcome_unknown OR other.posts > 0 AND wanted.posts = 0
                    OR other.appointment_id = wanted.appointment_id AND other.id < wanted.id
                )
        ))
    RETURNING
        /* backlog */ AS backlog,
        /* columns */
)
SELECT account.state, account.version, claimed.*, booking.*
FROM claimed
JOIN calcom_accounts AS account ON account.id = claimed.account_id
CROSS JOIN LATERAL (
    SELECT /* columns of its booking */ FROM appointments WHERE id = claimed.appointment_id
) AS booking
