-- Have a series counted later, for Cal.com did not show it: after as long again as has passed since its POST, so that
-- those which are never shown keep none of the others waiting. One whose POST was answered has no `sent_at`.
UPDATE appointments
SET ends_at = now() + greatest(interval '1 minute', now() - coalesce(sent_at, requested_at)), updated_at = now()
WHERE id = :appointment_id AND status = 'confirmed' AND series_weeks IS NULL
