-- Extend the lease of a claim that is still ours.
UPDATE /* rows */
SET lease_expires_at = now() + make_interval(secs => :lease_seconds),
    updated_at = now()/* changes */
WHERE id = :id AND status = /* at work */ AND claim_token = :claim_token
RETURNING /* columns */
