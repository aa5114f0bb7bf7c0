"""`booking report`: the operators' checklist, computed."""
