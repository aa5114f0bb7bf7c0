-- Refuse a bulk of which a later part names an account that is not there, or closed, before its first part is kept.
SELECT /* schema */calcom_open_account(name)
FROM unnest(CAST(:names AS text[])) AS one (name)
