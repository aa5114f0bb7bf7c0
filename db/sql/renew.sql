-- Extend the lease of a claim that is still ours.
UPDATE appointments
SET lease_expires_at = now() + make_interval(secs => :lease_seconds),
    updated_at = now()/* changes */
WHERE id = :appointment_id AND status = 'booking' AND claim_token = :claim_token
RETURNING /* columns */
