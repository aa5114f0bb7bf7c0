-- Who has an action, each with the id of the newest: one step of the index (who, id) a person, however many actions there
-- are. The limit is for a table in which every action has another name.
WITH RECURSIVE people AS (
    (SELECT who FROM operator_actions ORDER BY who LIMIT 1)
    UNION ALL
    SELECT (SELECT min(later.who) FROM operator_actions AS later WHERE later.who > people.who)
    FROM people
    WHERE people.who IS NOT NULL
)
SELECT who, (SELECT max(id) FROM operator_actions AS their WHERE their.who = one.who) AS id
FROM (SELECT who FROM people WHERE who IS NOT NULL LIMIT :limit) AS one
