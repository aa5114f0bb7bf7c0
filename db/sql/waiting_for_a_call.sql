-- Say who waits for the harmless call that ends a hold: rows held for today's key, and for today's settings.
-- Of the latter those that may be tried again, and those held just now: whether all must be held is asked at once.
-- One arm a question, so that the index (hold_reason, held_for) answers it with next to nothing read.
SELECT
    EXISTS (
        SELECT FROM /* rows */ WHERE status = 'held' AND hold_reason = 'credentials' AND held_for = :key AND account_id = :account
    ) AS credentials,
    EXISTS (
        SELECT FROM /* rows */
        WHERE status = 'held' AND hold_reason = 'configuration' AND held_for = :settings AND account_id = :account
            AND /* of no type */
            AND (
                hold_until IS NULL
                OR hold_until <= now()
                OR held_at > now() - make_interval(secs => :fresh_seconds)
            )
    ) AS configuration
