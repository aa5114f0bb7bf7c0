"""A Cal.com API v2 that misbehaves on order: for the demo and the tests, over HTTP, in a process of its own.

It shares no code with the product. Its rules come from docs/calcom.md and from the recorded answers in
tests/fixtures/calcom/ and beside the tests of tests/contract/; `python -m simulator --help` teaches how to run it, how
to order faults and settings, and which event types and keys there are.

A POST works in steps (steps.py): dedupe, availability, insert, for a first seat the seat, answer. `latency` is the
time of a whole call, shared out among them; 0 leaves none between. A `stall` holds a POST up before a step until its
`delay` is over or the fault is ended (`DELETE /_faults?id=N`); a `kill` ends it there, and what was written stays;
`answer_early` answers for it while it works on.

Who sees what (state/sight.py): cal_test_<username> is the key of any host, of `teamowner`, `teamadmin`, `teammember`,
and of a `stranger`. cal_test_owner sees everything and is shown as the owner of every personal type and as a fixed host
of every team's, which nobody is at Cal.com; cal_test_admin sees everything by no role, as the hosted service may show
an admin; cal_test_fickle is as cal_test_owner and meant to lose its permission: `POST /_settings {"keys":
{"cal_test_fickle": "nothing"}}`, and back by "all". A key keeps its user (GET /v2/me) whatever it may see.

What people do: `POST /_persons {"do": "accept", "uid": ...}`; `do` is accept, decline, cancel (`seat`, `reason`), move
(`start`, `reason`), reassign (`host`), correct (`email`, `new_email`). The uid of a series means each of its weeks. It
answers {"bookings": [...]}: the rows as GET /_bookings shows them, of a move the new one. An event type is changed by
`PATCH /_event_types {"id": ..., ...}` (what is not named stays) and deleted by `DELETE /_event_types?id=...`.

How a judge reads what became of a reference: `GET /_books?reference=...` (all without it) has a line a booking, a
seat and a week: reference, uid, seatUid, recurringBookingUid, eventTypeId, kind, start, email, organizer, status,
halfMade, movedFrom, movedTo, `history` [[seconds of CLOCK_MONOTONIC, status], ...], `made` and `ended` as instants
(ended null: it lives). What lived at an instant is what was made before it and not ended then. `GET /_journal` has the
calls by the same clocks: `committed_at` is null for a POST that booked nothing, also for one that gave an earlier
booking back.
"""
