-- Before the first part of a bulk is kept, refuse the bulk if any part names an account that is not there, or closed.
SELECT /* schema */calcom_open_account(name)
FROM unnest(CAST(:names AS text[])) AS one (name)
