-- Find the bookings that a text names, by id (:id), uuid (:uuid) or key: two, if it is the id of one and the key of another.
-- With a lock (db/appointments/__init__.py says which) each stays as it is read until the transaction ends: who decides about
-- a booking locks it first, and what the decision depends on is read after that.
SELECT /* columns */
FROM appointments
WHERE id IN (
    SELECT id FROM appointments WHERE id = :id
    UNION ALL
    SELECT id FROM appointments WHERE uuid = :uuid
    UNION ALL
    (/* by key */)
)
ORDER BY id
