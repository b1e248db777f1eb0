"""The step that tells a holder of something by ordinary mail or a webhook, out of a job that the event itself has left.

A notice says that there is something and where to read it: no sender, no subject, no word of any message. It is
ordinary mail under the null reverse path; the relay has a day for it, and when it does not get through, the holder
finds that on the page of notices and nowhere else. A mailbox that wants nothing any more is told nothing.

Clauses: DP-8, MO-13, LO-9.
"""

from dataclasses import dataclass, field
from datetime import datetime

from ceralacca.base.errors import OurError
from ceralacca.core.directory import Directory
from ceralacca.core.mailbox_end import days_left
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import RecipientKind
from ceralacca.core.notices import LIFETIME, NoticeKind, quota_step
from ceralacca.formats.notice_mail import NoticeMail, compose_notice
from ceralacca.ports.letters import Letter
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.ports.notices import Notice, NoticeWay, NoticeWishes, Trouble
from ceralacca.ports.store import Commit, Job, JobKind, NewJob, Store
from ceralacca.services import payload
from ceralacca.services.call_webhook import webhook_job
from ceralacca.services.notice_jobs import expiry_job
from ceralacca.services.office import NoticeParts, Office


def notify(job: Job, office: Office) -> Commit:
    """Tell a holder, or keep that a notice did not get through. Raises WorldError when it cannot be done at present."""
    parts = office.notices
    if parts is None:
        raise OurError("an office without notices was given a NOTICE job")
    mailbox, instant = payload.address(job, "mailbox"), office.now()
    if trouble := payload.word(job, "trouble"):
        way = NoticeWay(payload.word(job, "way"))
        parts.wishes.trouble(mailbox, way, Trouble(instant=instant, text=trouble))
        return Commit(done=job.id, instant=instant)
    kind = NoticeKind(payload.word(job, "about"))
    wishes, record = parts.wishes.of(mailbox), office.store.mailbox(mailbox)
    if record is None or record.status is MailboxStatus.CLOSED or kind not in wishes.heard:
        return Commit(done=job.id, instant=instant)
    return _tell(job, office, parts, wishes, record, kind, instant)


def _tell(
    job: Job,
    office: Office,
    parts: NoticeParts,
    wishes: NoticeWishes,
    record: MailboxRecord,
    kind: NoticeKind,
    instant: datetime,
) -> Commit:
    said = _said(job, office, record, kind, instant)
    if said is None:
        return Commit(done=job.id, instant=instant)
    key, facts = said.key, said.facts
    letters: list[Letter] = []
    jobs: list[NewJob] = []
    if wishes.email is not None:
        if parts.sender is None or is_pec(wishes.email, office.store, office.directory()):
            trouble = Trouble(instant=instant, text="no address that notices are sent to")
            parts.wishes.trouble(record.address, NoticeWay.EMAIL, trouble)
        else:
            about = Telling(mailbox=record.address, recipient=wishes.email, language=wishes.language, key=key)
            letter, relayed = mail_to_holder(parts, about, kind.value, now=instant, **facts, **said.spelt)
            letters, jobs = [letter], [relayed]
    if wishes.webhook:
        jobs.append(webhook_job(record.address, kind, key=key, web=parts.web(), now=instant, **facts))
    notice = Notice(key=key, mailbox=record.address, kind=kind, instant=instant)
    return Commit(done=job.id, instant=instant, notices=(notice,), letters=tuple(letters), jobs=tuple(jobs))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a notice says beside its kind."""

    key: str
    """Of the notice: once for ever."""
    facts: dict[str, str] = field(default_factory=dict)
    spelt: dict[str, str] = field(default_factory=dict)
    """The same for people, in mail alone."""


def _said(job: Job, office: Office, record: MailboxRecord, kind: NoticeKind, instant: datetime) -> _Said | None:
    """Return what is to be said; None when there is nothing any more."""
    if kind is NoticeKind.QUOTA:
        step = quota_step(office.mail.used(record.address, quota=record.quota), record.quota)
        if step is None:
            return None
        key = f"notice:quota:{step}:{instant:%Y-%m}:{record.address.key}"  # each step once a month
        return _Said(key=key, facts={"percent": str(step)})
    if kind is NoticeKind.EXPIRY:
        again = expiry_job(record, instant)
        if record.ends is None or again is None or again.payload != job.payload:
            return None  # the end was moved, or the next step has come meanwhile
        facts = {"ends": record.ends.isoformat(), "days": str(days_left(record.ends, instant))}
        return _Said(key=again.key, facts=facts, spelt={"day": f"{record.ends:%d/%m/%Y}"})
    return _Said(key=job.key)


def is_pec(address: Address, store: Store, directory: Directory | None) -> bool:
    """Say whether mail to an address would come to PEC, ours or another's: there it would be an anomaly (MO-2)."""
    return address.domain in store.domains() or (directory is not None and directory.is_pec(address.domain))


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """About which mailbox somebody is written to, and where."""

    mailbox: Address
    recipient: Address
    language: str
    key: str
    """Unique for ever."""


def mail_to_holder(
    parts: NoticeParts, telling: Telling, what: str, *, now: datetime, **facts: str
) -> tuple[Letter, NewJob]:
    """Return ordinary mail about a mailbox, and the job that sends it.

    Raises OurError when there is no address that it could come from, WorldError while our own pages are nowhere.
    """
    if parts.sender is None:
        raise OurError("there is no address that notices come from")
    recipient, key = telling.recipient, f"-/{telling.key}"
    known = {"mailbox": telling.mailbox.text, "web": parts.web(), "provider": parts.provider}
    subject, text = parts.words(telling.language, what, **known, **facts)
    mail = NoticeMail(
        key=key,
        provider=parts.provider,
        sender=parts.sender,
        recipient=recipient,
        subject=subject,
        text=text,
        instant=now,
        language=telling.language,
    )
    letter = Letter(
        key=key,
        octets=compose_notice(mail),
        reverse_path=None,
        forward_paths=(recipient,),
        message_id=mail.message_id,
        instant=now,
    )
    relayed = NewJob(
        key=f"relay:{key.replace('#', '~')}:{recipient.domain}",  # the relay counts tries behind a #
        kind=JobKind.RELAY,
        due=now,
        payload={
            "letter": key,
            "domain": recipient.domain,
            "kind": RecipientKind.EXTERNAL.value,
            "expires": (now + LIFETIME).isoformat(),
            "notice": telling.mailbox.text,
        },
    )
    return letter, relayed
