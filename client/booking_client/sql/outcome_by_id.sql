-- Read how a booking stands.
SELECT /* columns */
FROM /* schema */appointments
WHERE id = :id
