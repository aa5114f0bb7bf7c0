-- Count what became of the next booking of an operator's action, in the transaction that did it: so a process that is killed
-- has counted all that it has done, and the next one begins behind it. :position is how many were counted before: of two
-- that carry out the same action one counts each booking, and the other has its own taken back. :refused says why an action
-- on one booking did nothing.
UPDATE operator_actions
SET done = done + CASE WHEN :was_done THEN 1 ELSE 0 END,
    moved_on = moved_on + CASE WHEN :was_done THEN 0 ELSE 1 END,
    outcomes = outcomes || jsonb_build_object(
        CAST(:outcome AS text), coalesce(CAST(outcomes ->> CAST(:outcome AS text) AS integer), 0) + 1
    ),
    refused = coalesce(CAST(:refused AS text), refused),
    done_at = CASE WHEN done + moved_on + 1 = cardinality(ids) THEN clock_timestamp() END
WHERE id = :id AND done + moved_on = :position AND done_at IS NULL
RETURNING id
