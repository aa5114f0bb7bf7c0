-- Count what an account has that is not over.
SELECT count(*)
FROM /* rows */
WHERE account_id = :account AND /* unfinished */
