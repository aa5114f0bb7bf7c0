"""What an agent says where no booking says it: what it asks the caller, and what is free. Beside those of bookings."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tasks.callers.sentences import ENGLISH


class Asked(StrEnum):
    """What the agent has to ask or to say."""

    START = "start"  # no day and time, or not one that is to come
    NO_SUCH_TIME = "no_such_time"  # the clocks skip it, or have it twice
    NAME = "name"
    CONTACT = "contact"  # neither an e-mail address nor a number
    EMAIL = "email"
    PHONE = "phone"
    WANTS_EMAIL = "wants_email"  # the event type does, and none came
    WANTS_PHONE = "wants_phone"
    QUESTION = "question"  # one of the event type's own, in its host's words and language
    ZONE = "zone"
    DETAILS = "details"  # something else is wrong
    SECOND = "second"  # the call has another booking
    ONCE_MORE = "once_more"  # the call has cancelled this booking
    KEEP = "keep"  # its cancel is noted, and was not sent yet
    WHICH = "which"  # the person or the start was not named, and the call has no booking, or several
    NOT_FOUND = "not_found"  # both were named, and no booking is theirs, or several are
    NEW_START = "new_start"  # it is to be moved, and nobody said to when
    OVER = "over"  # it has taken place
    SERIES = "series"
    OWN = "own"  # the same person has another request for that start
    CLOSED = "closed"  # the key's account is closed
    CANNOT = "cannot"  # no such tool, or not with this key
    ONE_AT_A_TIME = "one_at_a_time"
    STILL_AT_IT = "still_at_it"  # there was no time to know more
    FREE = "free"  # two times or three
    ONE_FREE = "one_free"
    NOTHING_FREE = "nothing_free"
    NOT_SEEN = "not_seen"  # Cal.com could not be asked


class ToolOutcome(StrEnum):
    """What has come of a tool whose sentence tells of no booking."""

    ASKED = "asked"  # nothing was done: the person has to say something first
    FREE = "free"  # which times are free, or that none is
    NOT_KNOWN = "not_known"  # there was no time to know more, or Cal.com could not be asked
    NOT_DONE = "not_done"  # it cannot be done, whatever the person says
    NOT_ACCEPTED = "not_accepted"  # nothing was stored; the same later may be


OUTCOMES: Mapping[Asked, ToolOutcome] = MappingProxyType(
    dict.fromkeys(Asked, ToolOutcome.ASKED)
    | dict.fromkeys((Asked.OVER, Asked.SERIES, Asked.CLOSED, Asked.CANNOT), ToolOutcome.NOT_DONE)
    | dict.fromkeys((Asked.FREE, Asked.ONE_FREE, Asked.NOTHING_FREE), ToolOutcome.FREE)
    | dict.fromkeys((Asked.STILL_AT_IT, Asked.NOT_SEEN), ToolOutcome.NOT_KNOWN)
)
ASKED: Mapping[str, Mapping[Asked, str]] = MappingProxyType(
    {
        ENGLISH: {
            Asked.START: "Which day and time would you like? It has to be far enough in the future.",
            Asked.NO_SUCH_TIME: "The clocks change then: there is no such time, or there are two. Which other time "
            "suits you?",
            Asked.NAME: "What is your name, please?",
            Asked.CONTACT: "Where can we reach you? Please tell me an e-mail address, or a number with its country "
            "code.",
            Asked.EMAIL: "I did not get the e-mail address. Please spell it for me.",
            Asked.PHONE: "I did not get the number. Please give it to me with its country code.",
            Asked.WANTS_EMAIL: "I need an e-mail address for this appointment. Please spell it for me.",
            Asked.WANTS_PHONE: "I need a phone number for this appointment. Please give it to me with its country "
            "code.",
            Asked.QUESTION: "I need one more answer for this appointment: {question}",
            Asked.ZONE: "Please tell me which city you are in, or which big one is near, so that I get the time right.",
            Asked.DETAILS: "I did not get all of that. Please tell me once more.",
            Asked.SECOND: "I have your request for {time} from this call. Would you like one more appointment?",
            Asked.ONCE_MORE: "Your request for {time} from this call is cancelled. Would you like to book it again?",
            Asked.KEEP: "I have noted that you cancel {time}. Would you like to keep it?",
            Asked.NOT_FOUND: "I cannot find that appointment. Please tell me once more its day and time, and the "
            "e-mail address or number.",
            Asked.WHICH: "For which day and time is the appointment, and under which e-mail address or number is it "
            "booked?",
            Asked.NEW_START: "To which day and time shall I move it?",
            Asked.OVER: "That appointment is over; I cannot change it any more.",
            Asked.SERIES: "It is a series, which I cannot move from here.",
            Asked.OWN: "You have another request for that time already. Which other time suits you?",
            Asked.CLOSED: "This calendar is closed for me: I can neither book nor change appointments in it. Please "
            "ask the people there directly.",
            Asked.CANNOT: "I cannot do that here.",
            Asked.ONE_AT_A_TIME: "One thing at a time, please. What shall I do first?",
            Asked.STILL_AT_IT: "One moment please, I am still working on it. Please ask me again.",
            Asked.FREE: "{times} is free. Which one would you like?",
            Asked.ONE_FREE: "{times} is free. Would you like that?",
            Asked.NOTHING_FREE: "Nothing is free then. Which other day?",
            Asked.NOT_SEEN: "I cannot see the free times right now. Tell me a time, and I will note it.",
        },
        "de": {
            Asked.START: "Welcher Tag und welche Uhrzeit passt Ihnen? Der Zeitpunkt muss weit genug in "
            "der Zukunft liegen.",
            Asked.NO_SUCH_TIME: "Da wird die Uhr umgestellt: Diese Zeit gibt es nicht, oder es gibt sie zweimal. "
            "Welche andere Zeit passt Ihnen?",
            Asked.NAME: "Wie ist Ihr Name, bitte?",
            Asked.CONTACT: "Wie erreichen wir Sie? Bitte nennen Sie eine E-Mail-Adresse oder eine Nummer mit "
            "Ländervorwahl.",
            Asked.EMAIL: "Die E-Mail-Adresse habe ich nicht verstanden. Bitte buchstabieren Sie sie.",
            Asked.PHONE: "Die Nummer habe ich nicht verstanden. Bitte nennen Sie sie mit Ländervorwahl.",
            Asked.WANTS_EMAIL: "Für diesen Termin brauche ich eine E-Mail-Adresse. Bitte buchstabieren Sie sie.",
            Asked.WANTS_PHONE: "Für diesen Termin brauche ich eine Telefonnummer. Bitte nennen Sie sie mit "
            "Ländervorwahl.",
            Asked.QUESTION: "Für diesen Termin brauche ich noch eine Antwort: {question}",
            Asked.ZONE: "Bitte sagen Sie mir, in welcher Stadt Sie sind oder welche große in der Nähe ist, damit die "
            "Uhrzeit stimmt.",
            Asked.DETAILS: "Das habe ich nicht ganz verstanden. Bitte sagen Sie es noch einmal.",
            Asked.SECOND: "Aus diesem Gespräch habe ich schon Ihre Anfrage: {time}. Möchten Sie einen weiteren Termin?",
            Asked.ONCE_MORE: "Ihre Anfrage aus diesem Gespräch ist abgesagt: {time}. Möchten Sie den Termin noch "
            "einmal?",
            Asked.KEEP: "Ihre Absage ist vorgemerkt: {time}. Möchten Sie den Termin doch behalten?",
            Asked.NOT_FOUND: "Ich finde diesen Termin nicht. Bitte nennen Sie mir noch einmal Tag und Uhrzeit, und die "
            "E-Mail-Adresse oder Nummer.",
            Asked.WHICH: "Um welchen Tag und welche Uhrzeit geht es, und unter welcher E-Mail-Adresse oder Nummer ist "
            "der Termin gebucht?",
            Asked.NEW_START: "Auf welchen Tag und welche Uhrzeit soll ich den Termin verlegen?",
            Asked.OVER: "Der Termin ist vorbei; ich kann ihn nicht mehr ändern.",
            Asked.SERIES: "Das ist eine Terminreihe, die ich von hier aus nicht verlegen kann.",
            Asked.OWN: "Für diese Zeit haben Sie schon eine andere Anfrage. Welche andere Zeit passt Ihnen?",
            Asked.CLOSED: "Dieser Kalender ist für mich geschlossen: Ich kann darin keine Termine mehr buchen oder "
            "ändern. Bitte fragen Sie dort direkt nach.",
            Asked.CANNOT: "Das kann ich hier nicht tun.",
            Asked.ONE_AT_A_TIME: "Bitte eins nach dem anderen. Was soll ich zuerst tun?",
            Asked.STILL_AT_IT: "Einen Moment bitte, ich bin noch dabei. Bitte fragen Sie mich noch einmal.",
            Asked.FREE: "Frei ist {times}. Welche Zeit passt Ihnen?",
            Asked.ONE_FREE: "Frei ist {times}. Passt Ihnen das?",
            Asked.NOTHING_FREE: "Da ist nichts frei. Welcher andere Tag passt Ihnen?",
            Asked.NOT_SEEN: "Ich sehe die freien Zeiten gerade nicht. Nennen Sie mir eine Zeit, und ich merke sie vor.",
        },
    }
)
OR: Mapping[str, str] = MappingProxyType({ENGLISH: "or", "de": "oder"})
