-- Read how a booking stands.
SELECT /* columns */
FROM /* schema */appointments AS appointment
WHERE id = :id
