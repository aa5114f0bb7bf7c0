-- Extend the lease of a change's claim that is still ours.
UPDATE booking_changes
SET lease_expires_at = now() + make_interval(secs => :lease_seconds),
    updated_at = now()/* changes */
WHERE id = :change_id AND status = 'changing' AND claim_token = :claim_token
RETURNING /* columns */
