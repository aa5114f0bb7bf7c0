-- An event type's name: its id, or "[organization/](team/)owner/slug", as `calcom_event_types` has it.
-- The index `appointments_confirmed_types` has it to the letter, else it would not serve.
coalesce(event_type_id::text, ((coalesce(organization_slug || '/', '') || coalesce('team/' || team_slug, username)) || '/') || event_type_slug)
