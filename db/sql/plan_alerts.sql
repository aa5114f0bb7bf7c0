-- Give each sink its row for each incident that it may have to report: so a sink that is new in ALERT_URLS hears
-- of what is open now, and not of what ended long ago.
INSERT INTO alert_deliveries (incident_id, sink)
SELECT incident.id, sink
FROM alert_incidents AS incident
CROSS JOIN unnest(CAST(:sinks AS text[])) AS sink
WHERE incident.news > 0 AND (incident.closed_at IS NULL OR incident.closed_at > now() - interval '10 minutes')
ON CONFLICT DO NOTHING
